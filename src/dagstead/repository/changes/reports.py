"""The answer as text and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.repository.changes.git import Change
from dagstead.repository.changes.model import ChangeReason, Changes, TouchedLocation

_MOST_NAMED = 3
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_END = re.compile(r"[\r\n\u2028\u2029\x0b\x0c\x1c-\x1e\x85]")


def as_lines(changes: Changes, *, every_path: bool) -> Iterator[str]:
    """``weather: lib/x.py <- weather/pyproject.toml:12 [tool.uv.sources] lib``.

    A line for each location, with its first path; or for each path.
    """
    for touched in changes.touched:
        name = shown(touched.location.name.value)
        if every_path:
            lines = (each for reason in touched.reasons for each in _lines(reason))
            yield from (f"{name}: {each}" for each in lines)
            continue
        yield f"{name}: {summary(touched)}"
    for gone in changes.gone:
        yield f"{shown(gone.name)}: removed, it was in {shown(gone.position.file)}"


def elsewhere(changes: Changes) -> str:
    """A sentence about changed paths that belong to no location; empty when there are none."""
    paths = [shown(each.path) for each in changes.elsewhere]
    if not paths:
        return ""
    more = len(paths) - _MOST_NAMED
    named = ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (
        f"Of no location: {named}. Declare files that only code opens with [tool.dagstead] watch."
    )


def summary(touched: TouchedLocation) -> str:
    """The first path that touches a location, what led to it, and how many more there are."""
    number = sum(max(len(each.changes), 1) for each in touched.reasons)
    more = f" (and {number - 1} more)" if number > 1 else ""
    return f"{next(_lines(touched.reasons[0]))}{more}"


def names(changes: Changes) -> list[str]:
    """The names of touched locations.

    Raises:
        InvalidInputError: when a name is more than a line.
    """
    found = [each.location.name.value for each in changes.touched]
    for name in found:
        if _LINE_END.search(name):
            msg = f"The name {name!r} has a line break in it. Take --format json."
            raise InvalidInputError(msg)
    return found


def as_json(changes: Changes) -> str:
    """The whole answer."""
    document = {
        "base": changes.base,
        "changed": len(changes.changes),
        "touched": [
            {
                "location": each.location.name.value,
                "kind": str(each.location.kind),
                "file": _in_repository(changes, each.location.file),
                "reasons": [_reason(reason) for reason in each.reasons],
            }
            for each in changes.touched
        ],
        "gone": [
            {
                "location": each.name,
                "file": _in_repository(changes, each.position.file),
                "line": each.position.line,
            }
            for each in changes.gone
        ],
        "elsewhere": [each.path for each in changes.elsewhere],
        "remarks": list(changes.remarks),
    }
    return json.dumps(document, indent=2)


def shown(text: str) -> str:
    """A text in one line of characters that can be printed, whatever a file is called."""
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    # What is no UTF-8 in a file name arrives as a surrogate, with the byte in its lower half.
    return f"\\x{code & 0xFF:02x}" if code < 0x100 or code >= 0xD800 else f"\\u{code:04x}"  # noqa: PLR2004


def _lines(reason: ChangeReason) -> Iterator[str]:
    hops = " <- ".join(shown(str(each)) for each in _chain_lines(reason))
    remark = f" ({reason.remark})" if reason.remark else ""
    if not reason.changes:
        yield hops
    for each in reason.changes:
        yield f"{shown(_path(each))}{remark} <- {hops}"


def _chain_lines(reason: ChangeReason) -> Iterator[Any]:
    """The chain. A longer one leaves out that a location is built from its folder."""
    chain = reason.chain
    return iter(chain[:-1] if len(chain) > 1 else chain)


def _path(change: Change) -> str:
    match change.status:
        case "D":
            return f"{change.path} (deleted)"
        case "?":
            return f"{change.path} (untracked)"
        case "R" if change.before is None:
            return f"{change.path} (renamed from {change.other})"
        case "R":
            return f"{change.path} (renamed to {change.other})"
        case _:
            return f"{change.path} (submodule)" if change.is_folder else change.path


def _reason(reason: ChangeReason) -> dict[str, Any]:
    found: dict[str, Any] = {
        "paths": [
            {"path": each.path, "status": each.status}
            | ({"other": each.other} if each.other is not None else {})
            for each in reason.changes
        ],
        "chain": [{"file": e.file, "line": e.line, "what": e.what} for e in reason.chain],
    }
    return found | ({"remark": reason.remark} if reason.remark else {})


def _in_repository(changes: Changes, file: str) -> str:
    return f"{changes.prefix}/{file}" if changes.prefix else file
