"""The shell scripts of a repository: in workflows, in actions, and in files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.model.source import Position, SourceText
from dagstead.repository.ci.model import WorkflowFiles
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.shell import Call, calls_of
from dagstead.repository.files import Project

#: What Make puts before a command, and Docker's instruction that runs one.
_MARKS = "@-+"
_RUN = "RUN"


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script, and its place."""

    text: str
    #: A value of a workflow, or the whole of a file.
    written: Node | SourceText = field(repr=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a file of its own."""
        return isinstance(self.written, SourceText)

    def calls(self) -> Iterator[tuple[Call, Position]]:
        """Its commands in their order, with their places."""
        for call in calls_of(self.text, {}, lambda _: None):
            yield call, self._place(call)

    def _place(self, call: Call) -> Position:
        if isinstance(self.written, SourceText):
            return self.written.position(call.start, call.end)
        return place(self.written, call.start, call.end)


def scripts_of(project: Project, files: WorkflowFiles) -> Iterator[Script]:
    """Every script that CI runs, and those in files of their own."""
    steps = [step for each in files.workflows for job in each.jobs for step in job.steps]
    steps += [step for action in files.actions.values() for step in action.steps]
    seen: set[int] = set()
    for node in filter(None, (step.run for step in steps)):
        # A script that several jobs of a pipeline share is one.
        if id(node) not in seen:
            seen.add(id(node))
            yield Script(text=node.text or "", written=node)
    for file in project.files_of(Family.TEXT):
        yield Script(text=file.source.text, written=file.source)


def program_words(call: Call) -> tuple[str | None, ...]:
    """The words of a command without what Make or Docker put before it."""
    words = call.words[1:] if call.words[0] == _RUN and len(call.words) > 1 else call.words
    first = words[0]
    bare = None if first is None else first.lstrip(_MARKS)
    return (bare, *words[1:]) if bare else words
