"""Which agents some files install, whatever tool each file is for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dagstead.model.agents import Agent, Setting
from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.repository.agents.agent_file import is_agent, read_agent
from dagstead.repository.agents.argo import argo_installs
from dagstead.repository.agents.chart_installs import ChartInstall, InstallFiles, read_install
from dagstead.repository.agents.compose import is_compose, read_compose
from dagstead.repository.agents.docker_commands import docker_agents
from dagstead.repository.agents.fences import written_in
from dagstead.repository.agents.flux import flux_installs
from dagstead.repository.agents.hcl import read_blocks
from dagstead.repository.agents.helm_commands import helm_commands
from dagstead.repository.agents.inline import documents, inline_agents
from dagstead.repository.agents.kustomize import helmfile_installs, kustomize_installs
from dagstead.repository.agents.marks import installs
from dagstead.repository.agents.placeholders import as_written
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.terraform import terraform_install
from dagstead.repository.agents.umbrella import umbrella_install
from dagstead.repository.agents.unreadable import named_only
from dagstead.repository.agents.values_files import agents_of_values
from dagstead.repository.files.families import is_program
from dagstead.repository.files.project import ConfigFile

#: Whose text holds commands.
_SCRIPTS = frozenset({Family.DOCUMENT, Family.TEXT, Family.WORKFLOW})
#: Whose documents may be of any tool.
_DOCUMENTS = frozenset({Family.INSTALLATION, Family.WORKFLOW})
_OF_TERRAFORM = frozenset({"resource", "module"})
_HCL = (".tf", ".hcl", ".tf)", ".hcl)")
#: Kinds that run an image, whose configuration is in another document.
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Pod", "Job"})

Scanned = tuple[AgentScan, set[str]]


def scan_files(around: InstallFiles, files: Iterable[ConfigFile]) -> AgentScan:
    """The agents of files, each counted once: what one file takes from another is its own."""
    listed = list(files)
    parts: list[AgentScan] = []
    used: set[str] = set()
    for file in listed:
        found, paths = installed_by(around, file)
        parts.append(found)
        used |= paths
    for file in listed:
        if file.path not in used:
            parts += _plain(file)
    values = [each for each in listed if each.family is Family.HELM and each.path not in used]
    parts.append(agents_of_values(around.sets, values, listed))
    return _with_configurations(sum(parts, AgentScan()))


def installed_by(around: InstallFiles, file: ConfigFile) -> Scanned:
    """The agents that one file installs, and the paths of the files that it takes."""
    if is_compose(file.root):
        found, used = read_compose(around, file)
        return found, used | {file.path}
    parts: list[Scanned] = []
    if file.family in _SCRIPTS:
        parts += _of_commands(around, file)
    if is_hcl(file):
        parts += _of_blocks(around, file)
    elif file.family in _DOCUMENTS and not is_program(file.path):
        parts += _of_documents(around, file, is_read=any(found.agents for found, _ in parts))
    found = sum((each for each, _ in parts), AgentScan())
    return found, {path for _, paths in parts for path in paths}


def is_hcl(file: ConfigFile) -> bool:
    """Whether a file is Terraform's."""
    return file.family is Family.INSTALLATION and file.path.endswith(_HCL)


def _of_commands(around: InstallFiles, file: ConfigFile) -> Iterator[Scanned]:
    shown = [] if file.family is Family.DOCUMENT else list(written_in(file))
    within = replace(
        around, written={**around.written, **{each.name: each.file for each in shown if each.name}}
    )
    used: set[str] = set()
    for command in helm_commands(file, around.project):
        found = read_install(within, file, command)
        used |= found[1]
        yield found
    found = docker_agents(within, file)
    used |= found[1]
    yield found
    for each in shown:
        if each.file.family is Family.AGENT and each.file.path not in used:
            yield sum(_plain(each.file), AgentScan()), set()


def _of_blocks(around: InstallFiles, file: ConfigFile) -> Iterator[Scanned]:
    blocks = read_blocks(file.source)
    if file.path.endswith(".hcl") and not any(each.type in _OF_TERRAFORM for each in blocks):
        # Of Terragrunt, Nomad and others, whose blocks are not read.
        yield named_only(file), set()
    for block in blocks:
        install = terraform_install(block)
        if install is not None:
            yield read_install(around, file, install)
        elif block.type in _OF_TERRAFORM:
            name = block.labels[-1] if block.labels else file.path
            yield _inside(block.as_node(), name), set()


def _of_documents(around: InstallFiles, file: ConfigFile, *, is_read: bool) -> Iterator[Scanned]:
    of_chart = umbrella_install(around.project, file)
    if of_chart is not None:
        yield read_install(around, file, of_chart)
        return
    for root in documents(file):
        found = list(_chart_installs(around, root))
        for each in found:
            yield read_install(around, file, each)
        if is_agent(root):
            yield read_agent(root, name=file.path), set()
        elif not found and not is_read:
            yield _inside(root, _name(root) or file.path), set()


def _chart_installs(around: InstallFiles, root: Node) -> Iterator[ChartInstall]:
    yield from argo_installs(around.project, root)
    yield from flux_installs(around.project, root)
    yield from kustomize_installs(root)
    yield from helmfile_installs(root)


def _inside(root: Node, name: str) -> AgentScan:
    """The agents whose ``dagster.yaml`` stands in a document; one unknown, if it only names it."""
    found = [read_agent(each, name=name) for each in inline_agents(root)]
    mark = None if found else next(installs(root), None)
    if mark is None:
        return sum(found, AgentScan())
    kind = root.get("kind")
    is_workload = kind is not None and kind.text in _WORKLOADS
    return AgentScan(agents=(_unread(mark, name, is_workload=is_workload),))


def _unread(mark: Node, named: str, *, is_workload: bool) -> Agent:
    place, name = mark.position, as_written(named)
    because = (
        f"the dagster.yaml of {name!r} ({place.file}:{place.line}) is not in the repository"
        if is_workload
        else f"{place.file}:{place.line} installs an agent in a form that is not read"
    )
    return Agent(
        name=name,
        launcher=_WORKLOAD if is_workload else None,
        queues=frozenset(),
        position=place,
        unknown=frozenset(Setting),
        unknown_because=because,
    )


#: Marks agents whose configuration another document may hold.
_WORKLOAD = "Kubernetes workload"


def _with_configurations(found: AgentScan) -> AgentScan:
    """Without the workloads that have a ``dagster.yaml`` beside them, in a ConfigMap or a file."""
    folders = {
        posixpath.dirname(each.position.file)
        for each in found.agents
        if each.position is not None and each.launcher != _WORKLOAD
    }
    kept = [
        each
        for each in found.agents
        if each.launcher != _WORKLOAD
        or each.position is None
        or posixpath.dirname(each.position.file) not in folders
    ]
    return replace(
        found,
        agents=tuple(
            replace(each, launcher="Kubernetes") if each.launcher == _WORKLOAD else each
            for each in kept
        ),
    )


def _plain(file: ConfigFile) -> Iterator[AgentScan]:
    """An agent's own file, or one that stands in a text."""
    if file.family in {Family.AGENT, Family.CLOUD, Family.TEXT} and not is_compose(file.root):
        if file.family is Family.TEXT and file.root is None:
            return
        for root in documents(file):
            if is_agent(root):
                yield read_agent(root, name=file.path)
            elif file.family is not Family.CLOUD:
                yield from (read_agent(each, name=file.path) for each in inline_agents(root))


def _name(root: Node) -> str | None:
    named = root.get("metadata", "name")
    return None if named is None else named.text
