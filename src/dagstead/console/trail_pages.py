"""The trail: who did what, from where, with which result."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import PageCall
from dagstead.console.links import Links
from dagstead.console.states import Look, ShownState
from dagstead.errors import InvalidInputError
from dagstead.plane.trail import Result, TrailFilter

_LINKS = Links()
_PAGE = 100
_RESULTS = {
    "done": ShownState("Done", Look.FINE),
    "refused": ShownState("Refused", Look.ATTENTION),
    "failed": ShownState("Failed", Look.WRONG),
    "unknown": ShownState("Unknown", Look.ATTENTION),
}


def trail(call: PageCall) -> Response:
    """The newest rows that fit."""
    result = call.query("result")
    chosen = {name: call.query(name) for name in ("who", "act", "on", "result")}
    rows = call.control.trail.find(
        call.actor,
        TrailFilter(
            who=chosen["who"],
            act=chosen["act"],
            on=chosen["on"],
            result=None if result is None else _result(result),
            below=_number(call.query("below")),
            limit=_PAGE + 1,
        ),
    )
    shown = rows[:_PAGE]
    older = shown[-1].seq if len(rows) > _PAGE else None
    return call.show(
        "trail.html",
        title="Trail",
        here="trail",
        command="dagstead trail list",
        is_live=call.query("below") is None,
        rows=[(row, row.said, _RESULTS[row.said["result"]]) for row in shown],
        chosen=chosen,
        is_filtered=any(chosen.values()),
        older=None if older is None else _LINKS.page("trail", below=older, **chosen),
    )


def _result(text: str) -> Result:
    try:
        return Result(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r:.40} is no result.") from error


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - what a column holds
        raise InvalidInputError(f"{text!r:.40} is not the number of a row.")
    return int(text)
