"""A workflow as it is written. Every part knows its place through its node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.model.nodes import Node
from dagstead.model.source import Position, SourceText
from dagstead.repository.ci.provider import Provider
from dagstead.repository.files.yaml_reader import Problem


class Event(StrEnum):
    """What happens in the repository that a workflow may run for."""

    #: Commits are pushed to a branch.
    PUSH = "push"
    #: A pull request is opened or gets a commit.
    CHANGE = "change"
    #: A pull request is merged or closed.
    CLOSE = "close"
    #: Somebody starts it, a schedule does, or another thing that names no location.
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class PathFilter:
    """``paths`` or ``paths-ignore`` of a trigger."""

    patterns: tuple[Node, ...]
    #: Whether changes of what matches do not count.
    ignores: bool
    node: Node = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """One event that starts a workflow. ``None`` is: not limited."""

    name: str
    node: Node = field(repr=False)
    types: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None
    branches_ignored: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    paths: PathFilter | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of a job; on GitLab a line of its script."""

    node: Node = field(repr=False)
    id: str = ""
    uses: Node | None = None
    run: Node | None = None
    condition: Node | None = None
    env: Node | None = None
    inputs: Node | None = None
    directory: Node | None = None

    def input(self, name: str) -> Node | None:
        """The value of an input below ``with``."""
        return None if self.inputs is None else self.inputs.get(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job and its steps."""

    name: str
    node: Node = field(repr=False)
    steps: tuple[Step, ...] = ()
    #: A workflow that is called instead of steps.
    uses: Node | None = None
    inputs: Node | None = None
    needs: tuple[str, ...] = ()
    condition: Node | None = None
    env: Node | None = None
    matrix: Node | None = None
    outputs: Node | None = None
    directory: Node | None = None
    #: On GitLab: what it runs for. On GitHub ``None``: what its workflow does.
    events: frozenset[Event] | None = None
    #: Whether all steps share the variables of one shell.
    one_shell: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Workflow:
    """One file of CI."""

    #: Relative to the root of the repository.
    path: str
    provider: Provider
    source: SourceText = field(repr=False)
    #: ``None`` where the file is empty or cannot be read.
    root: Node | None = field(repr=False, default=None)
    problem: Problem | None = None
    name: str = ""
    triggers: tuple[Trigger, ...] = ()
    jobs: tuple[Job, ...] = ()
    env: Node | None = None
    directory: Node | None = None
    #: The inputs that callers give, with their defaults.
    inputs: Mapping[str, Node | None] = field(default_factory=dict)

    @property
    def start(self) -> Position:
        """The first word of the file, for what is about the whole of it."""
        text = self.source.text
        begin = len(text) - len(text.lstrip())
        return self.source.position(begin, begin)

    def trigger(self, name: str) -> Trigger | None:
        """The trigger of a name."""
        return next((each for each in self.triggers if each.name == name), None)

    @property
    def is_only_called(self) -> bool:
        """Whether it runs only when another workflow calls it."""
        return bool(self.triggers) and {each.name for each in self.triggers} == {"workflow_call"}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LocalAction:
    """A composite action of the repository."""

    #: Its folder, relative to the root of the repository.
    folder: str
    steps: tuple[Step, ...]
    inputs: Mapping[str, Node | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WorkflowFiles:
    """All CI files of a repository."""

    workflows: tuple[Workflow, ...]
    actions: Mapping[str, LocalAction]

    def workflow(self, path: str) -> Workflow | None:
        """The workflow at a path from the root of the repository."""
        return next((each for each in self.workflows if each.path == path), None)
