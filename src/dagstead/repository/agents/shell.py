"""Texts of a shell: commands on several lines, and files that a script writes itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CONTINUED = re.compile(r"(?<!\\)\\\r?\n[ \t]*")
_HEREDOC = re.compile(
    r"(?P<line>[^\n]*)<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)(?P<rest>[^\n]*)\n"
)
_TARGET = re.compile(r">{1,2}\s*(?P<quote>['\"]?)(?P<path>[^\s'\"|;&<>]+)(?P=quote)")
_TEE = re.compile(r"\btee\s+(?:-a\s+)?(?P<quote>['\"]?)(?P<path>[^\s'\"|;&<>]+)(?P=quote)")
_ECHO = re.compile(
    r"\b(?:echo|printf)\s+(?:-\w+\s+)?(?P<quote>['\"])(?P<body>[^'\"]*?)(?P=quote)\s*>{1,2}\s*"
    r"(?P<path>[^\s'\"|;&<>]+)"
)
_COMMENT = ("#", "//")


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenFile:
    """A file whose content stands in a script."""

    #: As it is written; ``-`` for what a command reads from its standard input.
    path: str
    text: str
    #: Where the text begins in the script.
    start: int


def joined_lines(text: str) -> str:
    """Continued lines as one, every character at its place."""
    return _CONTINUED.sub(lambda found: " " * len(found[0]), text)


def line_end(text: str, start: int) -> int:
    """Where the line of an offset ends."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def is_comment(text: str, offset: int) -> bool:
    """Whether the line of an offset is a comment before it."""
    line_start = text.rfind("\n", 0, offset) + 1
    return text[line_start:offset].lstrip().startswith(_COMMENT)


def written_files(text: str) -> Iterator[WrittenFile]:
    """Files of here documents, and of ``echo '...' > FILE``."""
    if "<<" in text:
        yield from _here_documents(text)
    for found in _ECHO.finditer(text) if ">" in text else ():
        if "\n" in found["body"]:
            yield WrittenFile(path=found["path"], text=found["body"], start=found.start("body"))


def _here_documents(text: str) -> Iterator[WrittenFile]:
    offset = 0
    while (found := _HEREDOC.search(text, offset)) is not None:
        offset = found.end()
        closing = re.compile(rf"^[ \t]*{found['end']}\b", re.MULTILINE).search(text, offset)
        if closing is None or is_comment(text, found.start("end")):
            continue
        line = found["line"] + found["rest"]
        target = _TARGET.search(line) or _TEE.search(line)
        yield WrittenFile(
            path=target["path"] if target else "-",
            text=text[offset : closing.start()],
            start=offset,
        )
        offset = closing.end()
