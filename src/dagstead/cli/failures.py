"""From an error to what the terminal shows and the exit code."""

from __future__ import annotations

import sys

from dagstead.errors import (
    ConfigurationError,
    ConflictError,
    DagsteadError,
    InvalidInputError,
    NotFoundError,
)

#: What was typed or configured is wrong: trying again does not help.
MISTAKE = 2
#: Something failed while doing it.
FAILURE = 1

_MISTAKES = (ConfigurationError, InvalidInputError, NotFoundError, ConflictError)


def exit_code(error: DagsteadError) -> int:
    """2 for a mistake of the caller, 1 for a failure."""
    return MISTAKE if isinstance(error, _MISTAKES) else FAILURE


def report(error: DagsteadError) -> None:
    """One sentence on standard error."""
    print(f"error: {error.message}", file=sys.stderr)
