"""Options that name a queue, and say what is to be different."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dagstead.plane.queues import Fallback, QueueChange

_LENGTH = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_NONE = "none"
_TO_QUEUE = "queue:"
_TO_DEFAULT = "default-queue"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueName:
    """Which queue."""

    name: Annotated[str | None, typer.Argument(metavar="[QUEUE]", help="Name of the queue.")] = None
    default_queue: Annotated[
        bool, typer.Option("--default-queue", help="The default queue, which has no name.")
    ] = False

    def chosen(self) -> str | None:
        """Its name; ``None`` is the default queue.

        Raises:
            InvalidInputError: when none is chosen, or two are.
        """
        from dagstead.errors import InvalidInputError

        if (self.name is None) is not self.default_queue:
            msg = "Which queue? Give its name, or --default-queue."
            raise InvalidInputError(msg)
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFlags:
    """What is to be different."""

    limit: Annotated[
        str | None,
        typer.Option(
            "--limit",
            help="So many runs are under way at most, in all deployments together; or none.",
        ),
    ] = None
    priority: Annotated[
        int | None,
        typer.Option(
            "--priority", help="Runs of queues with a higher one start first; 0 at first."
        ),
    ] = None
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who looks after it; empty for nobody.")
    ] = None
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for; may be empty.")
    ] = None
    longest_wait: Annotated[
        str | None,
        typer.Option(
            "--longest-wait", help="So long a run should wait at most: 30m, 12h, 2d; or none."
        ),
    ] = None
    branch_deployments: Annotated[
        bool | None,
        typer.Option(
            "--branch-deployments/--no-branch-deployments",
            help="Let branch deployments use it, or not; at first they may.",
        ),
    ] = None
    fallback: Annotated[
        str | None,
        typer.Option(
            "--fallback",
            help="Once no agent serves it for longer than the longest wait, queued runs: wait, "
            "fail, queue:NAME or default-queue.",
        ),
    ] = None

    def change(self) -> QueueChange:
        """The change.

        Raises:
            InvalidInputError: for a value that cannot be read.
        """
        from dagstead.plane.queues import QueueChange

        given: dict[str, Any] = {
            "priority": self.priority,
            "branch_deployments": self.branch_deployments,
        }
        named = {name: value for name, value in given.items() if value is not None}
        for name, text in (("owner", self.owner), ("description", self.description)):
            if text is not None:
                named[name] = text or None
        if self.limit is not None:
            named["limit"] = _limit(self.limit)
        if self.longest_wait is not None:
            named["longest_wait_seconds"] = _length("--longest-wait", self.longest_wait)
        if self.fallback is not None:
            named["fallback"] = _fallback(self.fallback)
        return QueueChange(**named)


def moment_ahead(option: str, text: str | None) -> float | None:
    """A time that a length of time or a date names, in seconds since 1970.

    Raises:
        InvalidInputError: when it is neither.
    """
    from dagstead.errors import InvalidInputError

    if text is None:
        return None
    length = _LENGTH.fullmatch(text)
    if length:
        return time.time() + int(length[1]) * _SECONDS[length[2]]
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError) as error:
        msg = f"{option} {text!r} is not a time. Write 30m, 12h, 2d or 2027-01-31T12:00:00Z."
        raise InvalidInputError(msg) from error


def _limit(text: str) -> int | None:
    from dagstead.errors import InvalidInputError

    if text == _NONE:
        return None
    if not text.isdecimal():
        msg = f"--limit {text!r} is not a number of runs. Write a number, or none."
        raise InvalidInputError(msg)
    return int(text)


def _length(option: str, text: str) -> float | None:
    from dagstead.errors import InvalidInputError

    if text == _NONE:
        return None
    length = _LENGTH.fullmatch(text)
    if length is None:
        msg = f"{option} {text!r} is not a length of time. Write 30m, 12h, 2d or none."
        raise InvalidInputError(msg)
    return float(int(length[1]) * _SECONDS[length[2]])


def _fallback(text: str) -> Fallback:
    from dagstead.errors import InvalidInputError
    from dagstead.plane.queues import Fallback, FallbackKind

    if text in {FallbackKind.WAIT, FallbackKind.FAIL}:
        return Fallback(kind=FallbackKind(text))
    if text == _TO_DEFAULT:
        return Fallback(kind=FallbackKind.QUEUE)
    if text.startswith(_TO_QUEUE):
        return Fallback(kind=FallbackKind.QUEUE, queue=text.removeprefix(_TO_QUEUE))
    msg = f"--fallback {text!r} is not one. Write wait, fail, queue:NAME or default-queue."
    raise InvalidInputError(msg)
