"""Text of others, before people read it: in a terminal, a log or a list."""

from __future__ import annotations

import re
from typing import Any

#: Characters that move the cursor, change the terminal, reverse the order of what is read, or break
#: a line: C0 and C1, marks and overrides of direction, separators of lines, and halves of pairs.
_CONTROLS = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
)
_CONTROL = re.compile(f"[{_CONTROLS}]")
#: Weights and colours of letters, but not those that hide them, and not the background's.
_STYLE = re.compile(r"\x1b\[(?:(?:[0-4]|2[2-4]|3[0-79]|9[0-7])(?:;(?=\d)|(?=m)))*m")
#: As above, apart from what ends a line or a column, and from styles.
_UNSTYLED = re.compile(rf"(?!{_STYLE.pattern})(?![\n\t])[{_CONTROLS}]")
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
    """A text as a part of a line: without control characters and sequences, with single spaces."""

    def shown(found: re.Match[str]) -> str:
        return " " if found[0].isspace() else ""

    return " ".join(_CONTROL.sub(shown, _SEQUENCE.sub("", text)).split())


def plain_lines(text: str, *, styles: bool = False) -> str:
    """A text of several lines without control characters and sequences, lines and tabs apart.

    Args:
        text: of anybody.
        styles: whether weights and colours of letters stay.
    """
    if _CONTROL.search(text) is None:
        return text

    def shown(found: re.Match[str]) -> str:
        return found[0] if styles and _STYLE.fullmatch(found[0]) else ""

    kept = _SEQUENCE.sub(shown, text.replace("\r\n", "\n"))
    return _UNSTYLED.sub("", kept)


def plain_data(value: Any) -> Any:
    """What JSON holds, with plain texts, names of fields included."""
    match value:
        case str():
            return plain_lines(value)
        case list():
            return [plain_data(each) for each in value]
        case dict():
            return {plain_lines(name): plain_data(each) for name, each in value.items()}
        case _:
            return value


def escaped_line(text: str) -> str:
    r"""A text on one line: control characters are written as ``\n``, ``\x1b`` or ``\u202e``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
