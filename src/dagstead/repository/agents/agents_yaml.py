"""Agents from ``agents.yaml``, a form of our own for those that no other file describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dagstead.model.agents import Agent, AgentKind, Setting
from dagstead.model.nodes import Node, kind_of
from dagstead.model.source import Position
from dagstead.model.words import nearest
from dagstead.repository.agents.scan import AgentScan, Mistake, Slip
from dagstead.repository.agents.settings import SettingsReader
from dagstead.repository.files.project import ConfigFile
from dagstead.routing.remarks import Remark, Weight

_ADVICE = "Write '- name: ...' for each agent below 'agents:'"
_KEYS = (
    "name",
    "kind",
    "launcher",
    "queues",
    "default_queue",
    "deployments",
    "branch_deployments",
    "allowed_full_deployment_locations",
    "allowed_branch_deployment_locations",
)


def read_agents_yaml(file: ConfigFile) -> AgentScan:
    """The agents of the file; none when it is not of the form that the guide shows."""
    problem = file.parsed.syntax or file.undecodable
    if problem is not None:
        at = file.source.position(problem.start, problem.end)
        return _refused([_slip(at, f"this cannot be read: {problem.message}", _ADVICE)])
    listed = None if file.root is None else file.root.get("agents")
    if listed is None or not listed.is_sequence:
        place = file.start if listed is None else listed.position
        return _refused([_slip(place, "'agents' is not a list", _ADVICE)])
    found = [_agent(each) for each in listed.items]
    slips = tuple(slip for each in found for slip in each.slips)
    wrong = [each for each in slips if each.mistake is Mistake.AGENTS_YAML]
    if wrong:
        return _refused(wrong)
    return sum(found, AgentScan(is_whole=True))


def _refused(slips: Sequence[Slip]) -> AgentScan:
    remarks = (
        Remark(
            name="agent-refused",
            weight=Weight.ERROR,
            message=each.message,
            advice=each.advice,
            position=each.position,
            code=str(each.mistake),
        )
        for each in slips
    )
    first = slips[0].position
    unread = Agent(
        name=first.file,
        queues=frozenset(),
        position=first,
        unknown=frozenset(Setting),
        unknown_because=f"{first.file} has mistakes",
    )
    return AgentScan(agents=(unread,), remarks=tuple(remarks), slips=tuple(slips), is_whole=True)


def _agent(entry: Node) -> AgentScan:
    if not entry.is_mapping:
        message = f"an agent is {kind_of(entry)}, not a mapping"
        return AgentScan(slips=(_slip(entry.position, message, _ADVICE),))
    slips = [*_unknown_keys(entry)]
    name, kind = entry.get("name"), entry.get("kind")
    if name is None or not name.text:
        slips.append(_slip(entry.position, "an agent has no name", "Write 'name: ...'"))
    if kind is not None and kind.text not in set(AgentKind):
        message = f"kind {kind.value!r} is neither 'hybrid' nor 'pool'"
        slips.append(_slip(kind.position, message, "Write one of them"))
    return AgentScan(slips=tuple(slips)) if slips else _read(entry)


def _read(entry: Node) -> AgentScan:
    reader = SettingsReader(
        consequence="the file cannot be used",
        otherwise=Mistake.AGENTS_YAML,
    )
    is_pool = _text(entry.get("kind")) == AgentKind.POOL
    deployments = entry.get("deployments")
    full = "allowed_full_deployment_locations"
    branch = "allowed_branch_deployment_locations"
    agent = Agent(
        name=_text(entry.get("name")) or "",
        kind=AgentKind.POOL if is_pool else AgentKind.HYBRID,
        launcher=_text(entry.get("launcher")),
        queues=reader.queues(
            default=reader.flag(entry.get("default_queue"), "default_queue", default=True),
            named=reader.queue_names(entry.get("queues"), "queues", Mistake.AGENTS_YAML),
        ),
        deployments=None if deployments is None else reader.names(deployments, "deployments"),
        branch_deployments=reader.flag(
            entry.get("branch_deployments"), "branch_deployments", default=is_pool
        ),
        allowed_full=reader.by_deployment(entry.get(full), full),
        allowed_branch=reader.allowed(entry.get(branch), branch),
        position=entry.position,
    )
    return reader.scanned(agent)


def _unknown_keys(entry: Node) -> Iterator[Slip]:
    for each in entry.entries:
        if each.key.value not in _KEYS:
            near = nearest(str(each.key.value), _KEYS)
            advice = f"Did you mean {near!r}?" if near else f"Keys are {', '.join(_KEYS)}"
            yield _slip(each.key.position, f"an agent has no key {each.key.value!r}", advice)


def _slip(position: Position, message: str, advice: str) -> Slip:
    return Slip(mistake=Mistake.AGENTS_YAML, message=message, advice=advice, position=position)


def _text(node: Node | None) -> str | None:
    return None if node is None else node.text
