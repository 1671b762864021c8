"""Agents that a compose file starts, with the ``dagster.yaml`` of every agent."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from dagstead.model.agents import Agent, Setting
from dagstead.model.nodes import Entry, Node
from dagstead.repository.agents.agent_file import is_agent, read_agent
from dagstead.repository.agents.chart_installs import InstallFiles
from dagstead.repository.agents.inline import inline_agents
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.variables import ignored_variables
from dagstead.repository.files.project import ConfigFile
from dagstead.routing.remarks import Remark, Weight

_IMAGES = ("dagster-cloud-agent", "dagster-plus-agent")
_CONFIGURATION = "dagster.yaml"


def is_compose(root: Node | None) -> bool:
    """Whether a document is a compose file."""
    services = None if root is None else root.get("services")
    return services is not None and services.is_mapping


def read_compose(around: InstallFiles, file: ConfigFile) -> tuple[AgentScan, set[str]]:
    """The agents of a compose file, and the paths of the ``dagster.yaml`` files given to them."""
    found, used = AgentScan(), set[str]()
    services = None if file.root is None else file.root.get("services")
    for entry in () if services is None else services.entries:
        if _is_agent_service(entry.value):
            agents, path = _read_service(around, file, entry)
            found += agents
            used |= {path} if path else set()
    return found, used


def _is_agent_service(service: Node) -> bool:
    image = service.get("image")
    command = service.get("command")
    words = [] if command is None else [each.text or "" for each in command.walk()]
    line = " ".join(words)
    return any(each in ((image and image.text) or "") for each in _IMAGES) or (
        "dagster-cloud" in line and "agent" in line
    )


def _read_service(
    around: InstallFiles, file: ConfigFile, entry: Entry
) -> tuple[AgentScan, str | None]:
    name, service = str(entry.key.value), entry.value
    said = AgentScan(remarks=tuple(_ignored_variables(file, service, name)))
    for path in _given_paths(file, service):
        given = around.written.get(posixpath.basename(path)) or around.project.file(path)
        if given is not None and given.root is not None and is_agent(given.root):
            return said + read_agent(given.root, name=name), path
    for inner in _inline(file, service):
        return said + read_agent(inner, name=name), None
    return said + _without_configuration(entry, name), None


def _given_paths(file: ConfigFile, service: Node) -> Iterator[str]:
    """Paths in the project that may be the agent's ``dagster.yaml``."""
    volumes = service.get("volumes")
    sources = []
    for each in () if volumes is None else volumes.items:
        source = each.get("source")
        written = (each.text or "").partition(":")[0] if source is None else source.text
        sources.append(written or "")
    for config in _configs(file, service):
        named = config.get("file")
        sources.append((named.text or "") if named is not None else "")
    build = service.get("build")
    context = None if build is None else build.get("context") or build
    if context is not None and context.text:
        sources.append(context.text)
    for written in filter(None, sources):
        path = posixpath.normpath(posixpath.join(file.folder, written))
        yield path
        yield posixpath.normpath(posixpath.join(path, _CONFIGURATION))


def _configs(file: ConfigFile, service: Node) -> Iterator[Node]:
    """The configs that a service is given, as the top level of the file defines them."""
    given = service.get("configs")
    for each in () if given is None else given.items:
        source = each.get("source") or each
        config = None
        if file.root is not None and source.text:
            config = file.root.get("configs", source.text)
        if config is not None:
            yield config


def _inline(file: ConfigFile, service: Node) -> Iterator[Node]:
    for config in _configs(file, service):
        yield from inline_agents(config)
    yield from inline_agents(service)


def _ignored_variables(file: ConfigFile, service: Node, name: str) -> Iterator[Remark]:
    """One remark for all variables of a service that nothing reads."""
    environment = service.get("environment")
    inside = [] if environment is None else list(ignored_variables(file, environment))
    if inside:
        names = dict.fromkeys(each.message.rpartition(" ")[2] for each in inside)
        yield Remark(
            name="queues-ignored",
            weight=Weight.ERROR,
            message=f"of the agent {name!r}, nothing reads {', '.join(names)}",
            advice=inside[0].advice,
            position=inside[0].position,
            more=tuple(each.position for each in inside[1:]),
            code=str(inside[0].mistake),
        )


def _without_configuration(entry: Entry, name: str) -> AgentScan:
    place = entry.key.position
    agent = Agent(
        name=name,
        queues=frozenset(),
        position=place,
        unknown=frozenset(Setting),
        unknown_because=f"the dagster.yaml of {name!r} ({place.file}:{place.line}) is not in the "
        "repository",
    )
    return AgentScan(agents=(agent,))
