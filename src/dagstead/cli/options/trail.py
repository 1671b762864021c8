"""Options that choose rows of the trail."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dagstead.plane.trail import TrailFilter

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailFlags:
    """Which rows."""

    who: Annotated[
        str | None,
        typer.Option(
            "--who", help="A part of the name of a person, token or project, or a token's number."
        ),
    ] = None
    what: Annotated[
        str | None,
        typer.Option("--what", help="An act, or the beginning of its name: tokens, tokens.revoke."),
    ] = None
    on: Annotated[
        str | None,
        typer.Option("--on", help="A deployment, or a part of what it was done on."),
    ] = None
    result: Annotated[Outcome | None, typer.Option("--result", help="How it ended.")] = None
    since: Annotated[
        str | None,
        typer.Option("--since", help="Not older than this: 30m, 12h, 7d, or 2027-01-31T12:00:00Z."),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", help="Older than this, in the same forms.")
    ] = None
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="The most rows, the newest ones.")
    ] = 50
    below: Annotated[
        int | None,
        typer.Option("--below", min=1, help="Only rows with smaller numbers: the next page."),
    ] = None

    def wanted(self) -> TrailFilter:
        """The rows.

        Raises:
            InvalidInputError: for a time that cannot be read.
        """
        from dagstead.plane.trail import Result, TrailFilter

        return TrailFilter(
            who=self.who,
            act=self.what,
            on=self.on,
            result=None if self.result is None else Result(self.result),
            since=_moment("--since", self.since),
            until=_moment("--until", self.until),
            below=self.below,
            limit=self.limit,
        )


def _moment(option: str, given: str | None) -> float | None:
    from dagstead.errors import InvalidInputError

    if given is None:
        return None
    ago = _AGO.fullmatch(given)
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        moment = datetime.fromisoformat(given)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError) as error:
        msg = f"{option} {given!r} is not a time. Write 30m, 12h, 7d or 2027-01-31."
        raise InvalidInputError(msg) from error
