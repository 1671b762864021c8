"""The patterns of ``paths``, ``paths-ignore`` and ``branches`` of GitHub Actions.

Source: GitHub's documentation, "Workflow syntax", filter pattern cheat sheet. They are not those of
``.gitignore``: a pattern matches the whole path, ``*`` stops at ``/``, ``?`` and ``+`` repeat the
character before them, and a pattern with ``!`` takes back what patterns before it matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache


def selects(patterns: Sequence[str], path: str) -> bool:
    """Whether patterns select a path, in their order."""
    selected = False
    for each in patterns:
        negated = each.startswith("!")
        if selected == negated and matches(each[negated:], path):
            selected = not negated
    return selected


def matches(pattern: str, path: str) -> bool:
    """Whether one pattern matches the whole of a path; a leading ``!`` is a character."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(path) is not None


def matched_by(pattern: str, paths: Iterable[str]) -> bool:
    """Whether a pattern matches any of the paths."""
    compiled = _compiled(pattern)
    return compiled is not None and any(compiled.fullmatch(each) for each in paths)


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_translated(pattern), re.DOTALL)
    except re.error:
        return None


def _translated(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        part, at = _part(pattern, at, at_start=not parts or parts[-1].endswith("/"))
        parts.append(part)
    return "".join(parts)


def _part(pattern: str, at: int, *, at_start: bool) -> tuple[str, int]:
    character = pattern[at]
    if pattern.startswith("**/", at) and at_start:
        return "(?:.*/)?", at + 3
    if pattern.startswith("**", at):
        return ".*", at + 2
    if character == "*":
        return "[^/]*", at + 1
    if character in "?+" and at > 0:
        return character, at + 1
    return _literal(pattern, at)


def _literal(pattern: str, at: int) -> tuple[str, int]:
    character = pattern[at]
    if character == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    end = pattern.find("]", at)
    if character == "[" and end > at + 1:
        return f"[{_characters(pattern[at + 1 : end])}]", end + 1
    return re.escape(character), at + 1


def _characters(inner: str) -> str:
    """What stands in a set; only ``-`` between two characters means something there."""
    escaped = re.sub(r"[^\w-]", lambda found: "\\" + found[0], inner)
    return re.sub(r"-{2,}", "-", escaped)
