"""``.dockerignore``: what of a build context no image is built from.

The patterns are those of Go's ``filepath.Match`` with ``**`` added; they begin at the context, an
exception begins with ``!``, and the last line that fits a path or a folder above it decides
(docs.docker.com, "Build context").
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerIgnore:
    """The lines of one ``.dockerignore``."""

    #: Its build context, relative to the top of the repository.
    context: str
    #: Normal patterns, with ``!`` before an exception.
    patterns: tuple[str, ...]
    #: Files that docker reads whether they are ignored or not.
    always: frozenset[str] = frozenset()

    def hides(self, path: str) -> bool:
        """Whether no image is built from a path, which lies in the context."""
        if path in self.always:
            return False
        inside = path if self.context == "." else path[len(self.context) + 1 :]
        hidden = False
        for each in self.patterns:
            exception = each.startswith("!")
            # The quick question first: a line that changes nothing need not fit.
            if exception == hidden and _compiled(each.removeprefix("!")).match(inside):
                hidden = not exception
        return hidden


def read_dockerignore(context: str, text: str, always: frozenset[str]) -> DockerIgnore | None:
    """The patterns of a file, ``None`` when it has none."""
    patterns = []
    for line in text.removeprefix("\ufeff").splitlines():
        written = line.strip()
        if not written or line.startswith("#"):
            continue
        exception = written.startswith("!")
        pattern = written.removeprefix("!").strip()
        pattern = posixpath.normpath("/" + pattern).lstrip("/")
        # The context itself cannot be ignored.
        if pattern:
            patterns.append(("!" if exception else "") + pattern)
    return (
        DockerIgnore(context=context, patterns=tuple(patterns), always=always) if patterns else None
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Fits a path, and all below it."""
    try:
        return re.compile(rf"{_expression(pattern)}(?:/.*)?\Z", re.DOTALL)
    except re.error:
        # Docker refuses such a line: nothing is built, and nothing is ignored.
        return re.compile(r"(?!)")


def _expression(pattern: str) -> str:
    pieces = []
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        token = re.match(r"\*\*/?|\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|.", rest, re.DOTALL)
        text = token[0] if token else rest[0]
        pieces.append(_translated(text))
        at += len(text)
    return "".join(pieces)


def _translated(token: str) -> str:
    known = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    if token in known:
        return known[token]
    if token.startswith("[") and len(token) > 1:
        return token
    return re.escape(token.removeprefix("\\") if len(token) > 1 else token)
