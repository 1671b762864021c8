"""Agents that documents show: examples, which count only where they are asked for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dagstead.model.agents import Agent
from dagstead.model.families import Family
from dagstead.repository.agents.chart_installs import InstallFiles, ValuesFile
from dagstead.repository.agents.fences import ShownFile, shown_files
from dagstead.repository.agents.helm_commands import helm_commands
from dagstead.repository.agents.installations import scan_files
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.variables import ignored_variables
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.routing.remarks import Remark, Weight

#: Of the remark that lists them.
HINT = "agents-in-documents"
_MOST_NAMES = 8


def shown_in_documents(project: Project, sets: Sequence[str] = ()) -> AgentScan:
    """The agents that documents show, with the mistakes in them."""
    parts = [_shown_in(project, each, sets) for each in project.files_of(Family.DOCUMENT)]
    return sum(parts, AgentScan())


def hint_of(shown: AgentScan) -> AgentScan:
    """One remark with the agents that documents show."""
    if not shown.agents:
        return AgentScan()
    count = len(shown.agents)
    places = [_placed(each) for each in sorted(shown.agents, key=_place)]
    more = f" and {count - _MOST_NAMES} more" if count > _MOST_NAMES else ""
    what = "an agent, which counts" if count == 1 else f"{count} agents, which count"
    remark = Remark(
        name=HINT,
        weight=Weight.NOTE,
        message=f"documents show {what} only with --documents: "
        f"{', '.join(places[:_MOST_NAMES])}{more}",
    )
    return AgentScan(remarks=(remark,))


def _place(agent: Agent) -> tuple[str, int]:
    return ("", 0) if agent.position is None else (agent.position.file, agent.position.line)


def _placed(agent: Agent) -> str:
    """An agent with its place; one without a name by that of the file that is shown."""
    file, line = _place(agent)
    return f"{agent.name.removeprefix(f'{file} (').removesuffix(')')} ({file}:{line})"


def _shown_in(project: Project, document: ConfigFile, sets: Sequence[str]) -> AgentScan:
    shown = list(shown_files(document))
    written = {each.name: each.file for each in shown if each.name is not None}
    written |= _unnamed(project, document, shown, written)
    around = InstallFiles(project=project, written=written, sets=sets)
    found = scan_files(around, [document, *(each.file for each in shown)])
    remarks = (*map(_weighed, found.remarks), *_variables(document, found))
    return replace(found, remarks=remarks)


def _weighed(remark: Remark) -> Remark:
    """What is doubtful in an example is worth a note."""
    doubtful = remark.weight is Weight.WARNING or remark.name == "queues-ignored"
    return replace(remark, weight=Weight.NOTE) if doubtful else remark


def _unnamed(
    project: Project,
    document: ConfigFile,
    shown: Sequence[ShownFile],
    written: dict[str, ConfigFile],
) -> dict[str, ConfigFile]:
    """The values that a document shows without a name, by the one name that they can have."""
    unnamed = [e.file for e in shown if e.name is None and e.file.family is Family.HELM]
    wanted = {
        posixpath.basename(layer.path)
        for command in helm_commands(document, project)
        for layer in command.layers
        if isinstance(layer, ValuesFile)
    }
    missing = sorted(wanted - set(written))
    return {missing[0]: unnamed[0]} if len(missing) == len(unnamed) == 1 else {}


def _variables(document: ConfigFile, found: AgentScan) -> Iterator[Remark]:
    """Variables that nothing reads, where a reader of the document has not said so already."""
    reported = {place for each in found.remarks for place in (each.position, *each.more)}
    lines = {place.line for place in reported if place is not None}
    for slip in ignored_variables(document):
        if slip.position.line not in lines:
            yield Remark(
                name="queues-ignored",
                weight=Weight.NOTE,
                message=slip.message,
                advice=slip.advice,
                position=slip.position,
                code=str(slip.mistake),
            )
