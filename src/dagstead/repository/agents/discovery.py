"""``find_agents``: every agent that the files of a repository define."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dagstead.errors import InvalidInputError
from dagstead.model.agents import Agent
from dagstead.model.families import Family
from dagstead.model.nodes import Node, NodeKind, empty_mapping
from dagstead.model.source import Position, SourceText
from dagstead.repository.agents.agent_file import is_agent, read_agent
from dagstead.repository.agents.agents_yaml import read_agents_yaml
from dagstead.repository.agents.compose import is_compose, read_compose
from dagstead.repository.agents.helm_commands import helm_commands, read_command, stray_settings
from dagstead.repository.agents.helm_flags import assigned, assignments
from dagstead.repository.agents.helm_values import charts_in, overlaid, read_values
from dagstead.repository.agents.inline import documents, inline_agents
from dagstead.repository.agents.scan import AgentScan, Slip
from dagstead.repository.agents.variables import ignored_variables
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.routing.remarks import Remark, Weight

#: Stands for a file in places of what our own command line says.
_FLAG = "--set"
_YAML = (".yaml", ".yml")
_OUR_CHART = "dagstead-agent"
#: Where commands of Helm are looked for.
_COMMANDS = frozenset({Family.DOCUMENT, Family.TEXT, Family.WORKFLOW})


def find_agents(project: Project, sets: Sequence[str] = ()) -> AgentScan:
    """The agents of a repository.

    ``agents.yaml`` is taken for the whole truth where there is one. Commands in documents count
    only where nothing else defines an agent, because a document may show how it once was.

    Args:
        project: the repository.
        sets: ``key=value``, laid over the values of every agent that Helm installs.

    Raises:
        InvalidInputError: when ``agents.yaml`` or ``sets`` are not of their form.
    """
    plain = [read_agents_yaml(each) for each in project.files_of(Family.AGENTS)]
    if plain:
        return _sum(plain)
    found = _in_files(project, sets)
    return found if found.agents else found + _in_documents(project, sets)


def named_agents(
    layers: Sequence[ConfigFile], sets: Sequence[str] = (), *, beside: Project
) -> AgentScan:
    """The agents of files that are named; several together are layers of Helm values.

    Args:
        layers: the files.
        sets: ``key=value``, laid over the values of agents that Helm installs.
        beside: what lies beside the first file, which it may name in turn.

    Raises:
        InvalidInputError: when a file defines no agent, or ``sets`` are not ``key=value``.
    """
    first, *others = layers
    if first.family is Family.HELM or others:
        charts = [(each, next(_charts(each), None)) for each in layers]
        for file, chart in charts:
            if chart is None:
                msg = f"{file.path!r} holds no values of the agent's Helm chart (dagsterCloud: …)."
                raise InvalidInputError(msg)
        return _of_values([chart for _, chart in charts if chart is not None], first.path, sets)
    if first.family is Family.AGENTS:
        return read_agents_yaml(first)
    installed, _ = _installed_by(beside, first, sets)
    found = installed + _sum(() if installed.agents else _of_file(first))
    if not (found.agents or found.remarks):
        syntax = first.parsed.syntax
        why = "" if syntax is None else f", because it cannot be read: {syntax.message}"
        msg = f"{first.path!r} defines no agent{why}."
        raise InvalidInputError(msg)
    return found


def agent_of_sets(sets: Sequence[str]) -> AgentScan:
    """The agent that the chart makes of its defaults and ``sets``.

    Raises:
        InvalidInputError: when ``sets`` are not ``key=value``.
    """
    return _of_values([], "Helm", sets)


def find_slips(project: Project) -> tuple[Slip, ...]:
    """Where queues are written so that no agent serves them, in files that are in force.

    Each file counts, whatever the agents of a repository are taken from.
    """
    slips = [*_in_files(project, ()).slips]
    for chart in project.files_of(Family.CHART):
        is_ours = _OUR_CHART in chart.source.text
        for file in project.files_of(Family.HELM):
            if file.folder == chart.folder:
                for root in _charts(file):
                    slips += read_values(root, name=file.path, is_ours=is_ours).slips
    for file in project.files:
        if file.family is not Family.DOCUMENT:
            # A document may well say that nothing reads it.
            slips += ignored_variables(file)
        if file.family in {Family.TEXT, Family.WORKFLOW}:
            slips += stray_settings(file)
    return tuple(dict.fromkeys(slips))


def _in_files(project: Project, sets: Sequence[str]) -> AgentScan:
    used: set[str] = set()
    parts: list[AgentScan] = []
    for file in project.files:
        if file.family is not Family.DOCUMENT:
            agents, paths = _installed_by(project, file, sets)
            parts.append(agents)
            used |= paths
    for file in project.files_of(Family.AGENT, Family.TEXT, Family.CLOUD):
        if file.path not in used:
            parts += _of_file(file)
    # Values beside the agent's own chart are its defaults, and install nothing.
    used |= {
        each.path
        for chart in project.files_of(Family.CHART)
        for each in project.files_of(Family.HELM)
        if each.folder == chart.folder
    }
    values = [each for each in project.files_of(Family.HELM) if each.path not in used]
    for file in values:
        parts += [_of_values([each], file.path, sets) for each in _charts(file)]
    parts += _unreadable(project)
    return _without_repeats(_sum(parts) + AgentScan(remarks=tuple(_remarks_on(values, project))))


def _installed_by(
    project: Project, file: ConfigFile, sets: Sequence[str]
) -> tuple[AgentScan, set[str]]:
    """The agents that a compose file or commands of Helm start, and the paths that they use."""
    if is_compose(file.root):
        found, used = read_compose(project, file)
        return found, used | {file.path}
    parts: list[AgentScan] = []
    paths: set[str] = set()
    for command in helm_commands(file) if file.family in _COMMANDS else ():
        agents, taken = read_command(project, file, command, sets)
        parts.append(agents)
        paths |= taken
    return _without_place_of_flags(_sum(parts)), paths


def _in_documents(project: Project, sets: Sequence[str]) -> AgentScan:
    parts = []
    for file in project.files_of(Family.DOCUMENT):
        agents, _ = _installed_by(project, file, sets)
        remarks = [
            Remark(
                name="agent-from-document",
                weight=Weight.NOTE,
                message="no file defines an agent, so this command of a document is taken for one",
                position=each.position,
            )
            for each in agents.agents
        ]
        parts.append(agents + AgentScan(remarks=tuple(remarks)))
    return _without_repeats(_sum(parts))


def _unreadable(project: Project) -> Iterator[AgentScan]:
    """Files of agents that cannot be read: nothing is known of what they define."""
    for file in project.files_of(Family.AGENT, Family.HELM, Family.AGENTS):
        syntax = file.parsed.syntax or file.undecodable
        if syntax is not None and not documents(file):
            remark = Remark(
                name="unreadable",
                weight=Weight.ERROR,
                message=f"the agents of this file are not known, because it cannot be read: "
                f"{syntax.message}",
                position=file.source.position(syntax.start, syntax.end),
            )
            yield AgentScan(remarks=(remark,))


def _charts(file: ConfigFile) -> Iterator[Node]:
    for root in documents(file):
        yield from charts_in(root)


def _of_file(file: ConfigFile) -> Iterator[AgentScan]:
    if not file.path.endswith(_YAML):
        return
    for root in documents(file):
        if is_agent(root):
            yield read_agent(root, name=file.path)
        elif file.family is not Family.CLOUD:
            yield from (read_agent(each, name=file.path) for each in inline_agents(root))


def _of_values(charts: Sequence[Node], name: str, sets: Sequence[str]) -> AgentScan:
    values = charts[0] if charts else empty_mapping(SourceText(file=_FLAG, text=""))
    start = values
    for each in charts[1:]:
        values = overlaid(values, each)
    for text in sets:
        at = Node(NodeKind.SCALAR, text, SourceText(file=_FLAG, text=text), 0, len(text))
        for path, value in assignments(text, at=at):
            values = assigned(values, path, value)
    placed = Node(values.kind, values.value, start.source, start.start, start.end)
    return _without_place_of_flags(read_values(placed, name=name))


def _without_place_of_flags(found: AgentScan) -> AgentScan:
    """The same; what is given on our command line is written in no file."""
    return replace(
        found,
        agents=tuple(
            replace(each, position=None) if _is_flag(each.position) else each
            for each in found.agents
        ),
        remarks=tuple(
            replace(each, position=None) if _is_flag(each.position) else each
            for each in found.remarks
        ),
    )


def _is_flag(position: Position | None) -> bool:
    return position is not None and position.file == _FLAG


def _remarks_on(values: Sequence[ConfigFile], project: Project) -> Iterator[Remark]:
    """What to say of several values files side by side, and of what is not read."""
    for file in values:
        beside = [each for each in values if each.folder == file.folder]
        if len(beside) > 1 and file is beside[0]:
            names = ",".join(each.path for each in beside)
            yield Remark(
                name="values-side-by-side",
                weight=Weight.NOTE,
                message=f"{len(beside)} files of Helm values lie side by side and are taken for as "
                "many agents",
                advice=f"If they are layers of one, say so: --agents {names}",
                position=file.start,
            )
    for file in project.files_of(Family.TEXT):
        if file.path.endswith(".tf") and "dagsterCloud" in file.source.text:
            yield Remark(
                name="not-read",
                weight=Weight.NOTE,
                message="agents in Terraform files are not read",
                advice="Describe the agent in agents.yaml, or ask a control plane with --live",
                position=file.start,
            )


def _sum(parts: Iterable[AgentScan]) -> AgentScan:
    return sum(parts, AgentScan())


def _without_repeats(found: AgentScan) -> AgentScan:
    """The same agent defined twice, as in a script and a workflow, is one."""
    seen: dict[object, Agent] = {}
    for each in found.agents:
        allowed = each.allowed_full
        key = (
            *(each.name, each.kind, each.queues, each.deployments, each.branch_deployments),
            *(each.allowed_branch, allowed and frozenset(allowed.items())),
        )
        seen.setdefault(key, each)
    return replace(found, agents=tuple(seen.values()))
