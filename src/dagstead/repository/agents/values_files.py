"""Files of Helm values that no installation in the repository names: each is taken for an agent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dagstead.model.agents import Setting
from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.agents.chart_installs import OWN_FLAG, on_our_command_line
from dagstead.repository.agents.helm_flags import assignments
from dagstead.repository.agents.helm_values import read_values
from dagstead.repository.agents.inline import documents
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.values import PATHS, Values, charts_in
from dagstead.repository.files.project import ConfigFile
from dagstead.routing.remarks import Remark, Weight

#: What one file may leave to the one beside it. Names of queues are known all the same: whichever
#: files are layers, an agent's list is one of those that are written.
_LEFT_TO_OTHERS = (Setting.DEFAULT_QUEUE, Setting.BRANCH_DEPLOYMENTS)


def agents_of_values(
    sets: Sequence[str], values: Sequence[ConfigFile], files: Iterable[ConfigFile]
) -> AgentScan:
    """An agent for each file of values, but those beside the agent's own chart, its defaults."""
    defaults = {each.folder for each in files if each.family is Family.CHART}
    folders: dict[str, list[ConfigFile]] = defaultdict(list)
    for each in values:
        if each.folder not in defaults:
            folders[each.folder].append(each)
    return sum((_of_folder(sets, each) for each in folders.values()), AgentScan())


def agent_of_layers(sets: Sequence[str], layers: Sequence[ConfigFile]) -> AgentScan:
    """The agent of files of values that are laid over each other.

    Raises:
        InvalidInputError: when ``sets`` are not ``key=value``.
    """
    charts = [
        chart
        for file in layers
        for chart in [each for root in documents(file) for each in charts_in(root)][:1]
    ]
    return _read(sets, charts, layers[0].path if layers else "Helm")


def _of_folder(sets: Sequence[str], files: Sequence[ConfigFile]) -> AgentScan:
    charts = [
        (file, chart) for file in files for root in documents(file) for chart in charts_in(root)
    ]
    found = AgentScan()
    for file, chart in charts:
        others = [each for other, each in charts if other is not file]
        doubts, because = _doubts(chart, others), ""
        if doubts:
            because = f"{file.path} may be laid over the values beside it, or below them"
        found += _read(sets, [chart], file.path, doubts, because)
    return found + _side_by_side(files)


def _doubts(chart: Node, others: Sequence[Node]) -> frozenset[Setting]:
    doubts = set()
    for setting in _LEFT_TO_OTHERS:
        own = _said(chart, setting)
        if any(said is not None and said != own for said in (_said(o, setting) for o in others)):
            doubts.add(setting)
    return frozenset(doubts)


def _said(chart: Node, setting: Setting) -> object:
    found = chart.get(*PATHS[setting])
    return None if found is None else found.value


def _read(
    sets: Sequence[str],
    charts: Sequence[Node],
    name: str,
    doubts: frozenset[Setting] = frozenset(),
    because: str = "",
) -> AgentScan:
    values = Values.of_nothing(SourceText(file=OWN_FLAG, text=""))
    for chart in charts:
        values = values.over(chart)
    places = []
    for text in sets:
        at = on_our_command_line(text)
        places.append(at.position)
        for path, value in assignments(text, at=at):
            values = values.put(path, value)
    first = charts[0] if charts else values.tree
    tree = Node(values.tree.kind, values.tree.value, first.source, first.start, first.end)
    placed = Values(tree=tree, since=values.since, because=values.because)
    return read_values(placed, name=name, doubts=doubts, because=because).set_by_flags_at(places)


def _side_by_side(files: Sequence[ConfigFile]) -> AgentScan:
    if len(files) < 2:  # noqa: PLR2004 - a pair
        return AgentScan()
    names = ",".join(each.path for each in files)
    remark = Remark(
        name="values-side-by-side",
        weight=Weight.NOTE,
        message=f"{len(files)} files of Helm values lie side by side and are taken for as many "
        "agents",
        advice=f"If they are layers of one, say so: --agents {names}",
        position=files[0].start,
    )
    return AgentScan(remarks=(remark,))
