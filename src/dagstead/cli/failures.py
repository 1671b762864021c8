"""What a command prints for an error, and its exit code."""

from __future__ import annotations

from dagstead.cli.output import say
from dagstead.errors import (
    ConfigurationError,
    ConflictError,
    DagsteadError,
    InvalidInputError,
    NotFoundError,
    UnansweredError,
)

#: The arguments or the configuration are wrong, or a question has no answer.
MISTAKE = 2
#: The command failed.
FAILURE = 1

_MISTAKES = (
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
    ConflictError,
    UnansweredError,
)


def exit_code(error: DagsteadError) -> int:
    """2 for a mistake of the caller and where no answer is known, 1 for a failure."""
    return MISTAKE if isinstance(error, _MISTAKES) else FAILURE


def report(error: DagsteadError) -> None:
    """One sentence on standard error."""
    say(f"error: {error.message}", err=True)
