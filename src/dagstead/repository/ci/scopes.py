"""What a step can see: variables, inputs, the entry of a matrix, outputs of steps before it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dagstead.model.nodes import Node
from dagstead.repository.ci import expressions
from dagstead.repository.ci.expressions import UNKNOWN, UnknownValue
from dagstead.repository.ci.model import Event

#: Stands for the folder of the checkout, whose real path nobody knows.
WORKSPACE: Final = "/GITHUB_WORKSPACE"

_GITHUB: Mapping[Event, Mapping[tuple[str, ...], Any]] = {
    Event.PUSH: {("event_name",): "push", ("head_ref",): "", ("base_ref",): ""},
    Event.CHANGE: {
        ("event_name",): "pull_request",
        ("event", "action"): "synchronize",
        ("event", "pull_request", "draft"): False,
        ("event", "pull_request", "merged"): False,
    },
    Event.CLOSE: {("event_name",): "pull_request", ("event", "action"): "closed"},
    Event.OTHER: {},
}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass(frozen=True, kw_only=True)
class EveryLocation(UnknownValue):
    """The locations of a file, as a step reads them when the workflow runs."""

    #: Relative to the root of the repository, ``None`` where it is unknown.
    file: str | None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The values that are known at one place of a workflow."""

    event: Event
    #: ``None`` is a variable whose value is not known.
    env: Mapping[str, str | None]
    #: The branch of a push, where only one starts the workflow.
    branch: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    #: By the step's id and the output's name.
    steps: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    #: By the job's name and the output's name.
    needs: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def lookup(self, path: tuple[str, ...]) -> Any:
        """A context's value, for expressions."""
        match path:
            case ("env", name):
                value = self.env.get(name)
                return UNKNOWN if value is None else value
            case ("inputs", name):
                return self.inputs.get(name, UNKNOWN)
            case ("matrix", *rest):
                return _below(self.matrix, tuple(rest))
            case ("steps" | "needs" as head, name, "outputs", output):
                outputs = self.steps if head == "steps" else self.needs
                return outputs.get((name, output), UNKNOWN)
            case _:
                return self._github(path[1:]) if path[0] == "github" else UNKNOWN

    def condition(self, node: Node | None) -> bool | None:
        """What an ``if:`` comes to, ``None`` where it cannot be known."""
        if node is None or node.is_null:
            return True
        if isinstance(node.value, bool):
            return node.value
        return expressions.condition(str(node.value), self.lookup)

    def value(self, node: Node | None) -> Any:
        """The value of a node with its expressions evaluated; a list or mapping where it is one."""
        if node is None:
            return UNKNOWN
        if not isinstance(node.value, str):
            return node.plain()
        whole = expressions.EXPRESSION.fullmatch(node.value.strip())
        if whole:
            return expressions.evaluate(whole[1], self.lookup)
        filled = self.fill(node.value)
        return UNKNOWN if filled is None else filled

    def text(self, node: Node | None) -> str | None:
        """The value as text, ``None`` where it is not known or nothing is written."""
        if node is None or node.is_null:
            return None
        value = self.value(node)
        return None if isinstance(value, UnknownValue) else expressions.as_text(value)

    def shell_text(self, node: Node | None) -> str | None:
        """The same of a value that an action pastes into a shell: its variables are replaced."""
        text = self.text(node)
        return None if text is None else expanded(text, self.env)

    def fill(self, text: str) -> str | None:
        """A text with its expressions replaced, ``None`` where one is unknown."""
        return expressions.fill(text, self.lookup)

    def env_with(self, node: Node | None) -> dict[str, str | None]:
        """The variables, with those of a node added."""
        env = dict(self.env)
        for each in () if node is None else node.entries:
            if each.key.text:
                env[each.key.text] = "" if each.value.is_null else self.text(each.value)
        return env

    def _github(self, path: tuple[str, ...]) -> Any:
        if path == ("workspace",):
            return WORKSPACE
        if self.branch is not None and path in {("ref",), ("ref_name",)}:
            return self.branch if path == ("ref_name",) else f"refs/heads/{self.branch}"
        return _GITHUB[self.event].get(path, UNKNOWN)


def expanded(text: str, variables: Mapping[str, str | None]) -> str | None:
    """A text with ``$NAME`` replaced, ``None`` where a variable is unknown."""
    found = [variables.get(each[1] or each[2]) for each in _VARIABLE.finditer(text)]
    if any(each is None for each in found):
        return None
    values = iter(found)
    return _VARIABLE.sub(lambda _: str(next(values)), text)


def in_repository(path: str | None, *, folder: str, checkouts: tuple[str, ...]) -> str | None:
    """A path as a step names it, relative to the root of the repository.

    ``folder`` is where the step runs, ``checkouts`` are the folders below the workspace that hold
    a checkout. ``None`` for what is outside of them, or not known.
    """
    if path is None:
        return None
    whole = posixpath.normpath(posixpath.join(WORKSPACE, folder, path))
    if whole != WORKSPACE and not whole.startswith(f"{WORKSPACE}/"):
        return None
    below = whole.removeprefix(WORKSPACE).lstrip("/")
    for each in checkouts:
        if below == each or below.startswith(f"{each}/"):
            return below[len(each) :].lstrip("/") or "."
    return below or "."


def _below(values: Any, path: tuple[str, ...]) -> Any:
    found = values
    for each in path:
        if isinstance(found, EveryLocation):
            return found
        found = found.get(each, UNKNOWN) if isinstance(found, Mapping) else UNKNOWN
    return found
