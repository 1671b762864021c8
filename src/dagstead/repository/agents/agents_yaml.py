"""Agents from ``agents.yaml``, a form of our own for those that no other file describes."""

from __future__ import annotations

from typing import NoReturn

from dagstead.errors import InvalidInputError
from dagstead.model.agents import Agent, AgentKind
from dagstead.model.nodes import Node, kind_of
from dagstead.model.words import nearest
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.settings import SettingsReader
from dagstead.repository.files.project import ConfigFile

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
    """The agents of the file.

    Raises:
        InvalidInputError: with the place, when it is not of the form that the guide shows.
    """
    listed = None if file.root is None else file.root.get("agents")
    if listed is None or not listed.is_sequence:
        msg = f"{file.start}: 'agents' is not a list. Write '- name: ...' for each agent below it."
        raise InvalidInputError(msg)
    return AgentScan(agents=tuple(_agent(each) for each in listed.items))


def _agent(entry: Node) -> Agent:
    if not entry.is_mapping:
        _refuse(entry, f"an agent is {kind_of(entry)}, not a mapping. Write '- name: ...'")
    for each in entry.entries:
        if each.key.value not in _KEYS:
            near = nearest(str(each.key.value), _KEYS)
            hint = f"Did you mean {near!r}?" if near else f"Keys are {', '.join(_KEYS)}."
            _refuse(each.key, f"an agent has no key {each.key.value!r}. {hint}")
    reader = SettingsReader(consequence="the file is not of the form that the guide shows")
    name = entry.get("name")
    if name is None or not name.text:
        _refuse(entry, "an agent has no name. Write 'name: ...'")
    kind = _kind(entry.get("kind"))
    is_pool = kind is AgentKind.POOL
    deployments = entry.get("deployments")
    full = "allowed_full_deployment_locations"
    branch = "allowed_branch_deployment_locations"
    agent = Agent(
        name=name.text,
        kind=kind,
        launcher=_text(entry.get("launcher")),
        queues=reader.queues(
            default=reader.flag(entry.get("default_queue"), "default_queue", default=True),
            named=reader.names(entry.get("queues"), "queues"),
        ),
        deployments=None if deployments is None else reader.names(deployments, "deployments"),
        branch_deployments=reader.flag(
            entry.get("branch_deployments"), "branch_deployments", default=is_pool
        ),
        allowed_full=reader.by_deployment(entry.get(full), full),
        allowed_branch=reader.allowed(entry.get(branch), branch),
        position=entry.position,
    )
    for remark in reader.remarks:
        msg = f"{remark.position}: {remark.sentences}"
        raise InvalidInputError(msg)
    return agent


def _kind(node: Node | None) -> AgentKind:
    if node is None:
        return AgentKind.HYBRID
    if node.text not in set(AgentKind):
        _refuse(node, f"kind {node.value!r} is neither 'hybrid' nor 'pool'")
    return AgentKind(node.text or "")


def _text(node: Node | None) -> str | None:
    return None if node is None else node.text


def _refuse(node: Node, message: str) -> NoReturn:
    ended = message if message.endswith((".", "?")) else f"{message}."
    msg = f"{node.position}: {ended}"
    raise InvalidInputError(msg)
