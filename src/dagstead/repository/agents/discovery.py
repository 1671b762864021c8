"""``find_agents``: every agent that the files of a repository define."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dagstead.errors import InvalidInputError
from dagstead.model.agents import Agent
from dagstead.model.families import Family
from dagstead.model.source import Position
from dagstead.repository.agents.agents_yaml import read_agents_yaml
from dagstead.repository.agents.chart_installs import OWN_FLAG, InstallFiles
from dagstead.repository.agents.helm_commands import stray_settings
from dagstead.repository.agents.helm_values import read_values
from dagstead.repository.agents.hints import hint_of, shown_in_documents
from dagstead.repository.agents.inline import documents
from dagstead.repository.agents.installations import installed_by, is_hcl, scan_files
from dagstead.repository.agents.scan import AgentScan, Slip
from dagstead.repository.agents.terraform import install_nodes
from dagstead.repository.agents.unreadable import unreadable_files
from dagstead.repository.agents.values import Values, charts_in
from dagstead.repository.agents.values_files import agent_of_layers
from dagstead.repository.agents.variables import ignored_variables
from dagstead.repository.files.project import ConfigFile, Project

_OUR_CHART = "dagstead-agent"
#: Whose text may set the chart's keys for a program that is not read.
_SETTING = frozenset({Family.TEXT, Family.WORKFLOW})


def agents_written(project: Project, in_files: AgentScan | None = None) -> AgentScan:
    """The agents of a repository without what documents show.

    ``in_files`` is what :func:`agents_in_force` found, where that was looked for already.
    """
    plain = [read_agents_yaml(each) for each in project.files_of(Family.AGENTS)]
    if plain:
        return _sum(plain)
    return agents_in_force(project) if in_files is None else in_files


def find_agents(
    project: Project, sets: Sequence[str] = (), *, with_documents: bool = False
) -> AgentScan:
    """The agents of a repository.

    ``agents.yaml`` is taken for the whole truth where there is one. What documents show are
    examples: where nothing else defines an agent, a remark says what they show.

    Args:
        project: the repository.
        sets: ``key=value``, laid over the values of every agent that Helm installs.
        with_documents: whether the agents that documents show count.

    Raises:
        InvalidInputError: when ``sets`` are not of their form.
    """
    if any(True for _ in project.files_of(Family.AGENTS)):
        return agents_written(project)
    found = agents_in_force(project, sets)
    if with_documents:
        return _without_repeats(found + shown_in_documents(project, sets))
    if found.agents:
        return found
    return found + hint_of(_without_repeats(shown_in_documents(project, sets)))


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
    around = InstallFiles(project=beside, sets=sets)
    if first.family is Family.HELM or others:
        for file in layers:
            if not any(True for root in documents(file) for _ in charts_in(root)):
                msg = f"{file.path!r} holds no values of the agent's Helm chart (dagsterCloud: …)."
                raise InvalidInputError(msg)
        return without_own_flags(agent_of_layers(sets, layers))
    if first.family is Family.AGENTS:
        return read_agents_yaml(first)
    found = _of_named(around, first, sets)
    if not found:
        syntax = first.parsed.syntax
        why = "" if syntax is None else f", because it cannot be read: {syntax.message}"
        msg = f"{first.path!r} defines no agent{why}."
        raise InvalidInputError(msg)
    return without_own_flags(found)


def _of_named(around: InstallFiles, file: ConfigFile, sets: Sequence[str]) -> AgentScan:
    if file.family is Family.DOCUMENT:
        return shown_in_documents(replace(around.project, files=(file,)), sets)
    if file.family in {Family.AGENT, Family.CLOUD}:
        return scan_files(around, [file])
    found, _ = installed_by(around, file)
    return found if found.agents else scan_files(around, [file])


def agent_of_sets(sets: Sequence[str]) -> AgentScan:
    """The agent that the chart makes of its defaults and ``sets``.

    Raises:
        InvalidInputError: when ``sets`` are not ``key=value``.
    """
    return without_own_flags(agent_of_layers(sets, []))


def find_slips(project: Project, in_files: AgentScan | None = None) -> tuple[Slip, ...]:
    """Where the settings of agents are written so that they do not take effect.

    Each file that is in force counts, whatever the agents of a repository are taken from.
    ``in_files`` is what :func:`agents_in_force` found, where that was looked for already.
    """
    slips = [*(agents_in_force(project) if in_files is None else in_files).slips]
    for each in project.files_of(Family.AGENTS):
        slips += read_agents_yaml(each).slips
    slips += _of_charts(project)
    for file in project.files:
        if file.family is not Family.DOCUMENT:
            # A document may well say that nothing reads it.
            slips += ignored_variables(file)
        if file.family in _SETTING or is_hcl(file):
            slips += stray_settings(file, install_nodes(file) if is_hcl(file) else ())
    return tuple(dict.fromkeys(slips))


def without_own_flags(found: AgentScan) -> AgentScan:
    """The same; what is given on our own command line is written in no file."""
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
    return position is not None and position.file == OWN_FLAG


def agents_in_force(project: Project, sets: Sequence[str] = ()) -> AgentScan:
    """The agents of every file but documents and ``agents.yaml``."""
    around = InstallFiles(project=project, sets=sets)
    files = [each for each in project.files if each.family is not Family.DOCUMENT]
    found = scan_files(around, files) + unreadable_files(project)
    return without_own_flags(_without_repeats(found))


def _of_charts(project: Project) -> Iterable[Slip]:
    """Slips in the defaults of an agent's chart."""
    for chart in project.files_of(Family.CHART):
        is_ours = _OUR_CHART in chart.source.text
        for file in project.files_of(Family.HELM):
            if file.folder == chart.folder:
                for root in documents(file):
                    for values in charts_in(root):
                        tree = Values(tree=values)
                        yield from read_values(tree, name=file.path, is_ours=is_ours).slips


def _sum(parts: Iterable[AgentScan]) -> AgentScan:
    return sum(parts, AgentScan())


def _without_repeats(found: AgentScan) -> AgentScan:
    """The same agent defined twice, as in a script and a workflow, is one."""
    seen: dict[object, Agent] = {}
    for each in found.agents:
        allowed = each.allowed_full
        key = (
            *(each.name, each.kind, each.queues, each.deployments, each.branch_deployments),
            *(each.unknown, each.starts, each.allowed_branch),
            allowed and frozenset(allowed.items()),
        )
        seen.setdefault(key, each)
    return replace(found, agents=tuple(seen.values()))
