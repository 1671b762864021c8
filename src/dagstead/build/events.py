"""What happens during a build, as it happens. The command line shows it; nothing depends on it.

Each location begins with :class:`Started` and ends with :class:`Finished` or :class:`Failed`; its
steps follow one another. Events of different locations are mixed, and come from several threads,
one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dagstead.build.model import Strategy
from dagstead.build.results import BuildResult
from dagstead.errors import DagsteadError


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildStarted:
    """A location's build begins."""

    location: str
    strategy: Strategy


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStarted:
    """A step begins: ``dependencies``, ``source``, ``load``, ``image`` or ``push``."""

    location: str
    step: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """A step went well."""

    location: str
    step: str
    seconds: float
    #: What is worth knowing: ``reused``, ``73 packages, 75 MB``.
    remark: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildWarning:
    """Something that people want to put right, though the build goes on."""

    location: str
    #: Sentences.
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputLine:
    """A line that a program of a step printed."""

    location: str
    line: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFinished:
    """A location is built."""

    location: str
    built: BuildResult
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFailed:
    """A location is not built. The others go on."""

    location: str
    #: The step that failed; ``None`` when it was stopped before one began.
    step: str | None
    error: DagsteadError
    #: The end of what the step's program printed; empty when that says no more than the error.
    output: tuple[str, ...] = ()
    #: What repeats it by hand.
    command: str | None = None


Event: TypeAlias = (
    BuildStarted
    | StepStarted
    | StepFinished
    | BuildWarning
    | OutputLine
    | BuildFinished
    | BuildFailed
)
