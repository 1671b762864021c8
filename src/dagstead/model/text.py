"""Text of others, before people read it: in a terminal, a log or a list."""

from __future__ import annotations

import re

#: Characters that move the cursor, change the terminal, reverse the order of what is read, or break
#: a line: C0 and C1, marks and overrides of direction, separators of lines, and halves of pairs.
_CONTROLS = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
)
_CONTROL = re.compile(f"[{_CONTROLS}]")
#: As above, apart from what ends a line or a column.
_IN_LINES = re.compile(f"(?![\n\t])[{_CONTROLS}]")
#: What a terminal takes for a command, to its end where it has one.
_SEQUENCE = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]{0,4096}(?:\x07|\x1b\\|\x9c)"  # title, clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x90\x98\x9c\x9e\x9f]{0,4096}(?:\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # cursor, colours, modes
    r"|\x1b[ -/]*[0-~]?"
)


def control_in(text: str) -> str | None:
    """The first character of a text that nobody may put into a name, or ``None``."""
    found = _CONTROL.search(text)
    return found[0] if found else None


def plain_line(text: str) -> str:
    """A text as a part of one line: control characters and sequences are gone, space is one."""
    return " ".join(_CONTROL.sub(" ", _SEQUENCE.sub("", text)).split())


def plain_lines(text: str) -> str:
    """A text of several lines without control characters and sequences, lines and tabs apart."""
    return _IN_LINES.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n")))


def escaped_line(text: str) -> str:
    r"""A text on one line: control characters are written as ``\n``, ``\x1b`` or ``\u202e``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
