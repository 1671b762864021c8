"""The text of one file, positions in it, and edits that leave every other byte alone."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_BOM = "\ufeff"
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Position:
    """A stretch of a file. Lines and columns begin at 1 and count characters.

    The end is exclusive: the column after the last character.
    """

    #: Relative to the root of the project, with ``/``.
    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def contains(self, other: Position) -> bool:
        """Whether another stretch lies within this one."""
        return (
            self.file == other.file
            and (self.line, self.column) <= (other.line, other.column)
            and (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Replace the characters from ``start`` to ``end`` (exclusive offsets) by ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class SourceText:
    """A file as it is written. ``text`` lacks the byte order mark; ``bom`` says if there is one."""

    #: Relative to the root of the project, with ``/``.
    file: str
    text: str
    bom: bool = False
    #: For a rendered template: the offset in ``text`` where each line begins that came from the
    #: file, with that line's number. Empty for a file that is read as it is.
    line_map: tuple[tuple[int, int], ...] = ()

    @classmethod
    def decode(cls, file: str, data: bytes) -> SourceText:
        """Read UTF-8, with or without a byte order mark.

        Raises:
            UnicodeDecodeError: when it is in another encoding.
        """
        text = data.decode("utf-8")
        bom = text.startswith(_BOM)
        return cls(file=file, text=text[1:] if bom else text, bom=bom)

    def encode(self) -> bytes:
        """The bytes of the file: those that were read, when nothing was edited."""
        return ((_BOM if self.bom else "") + self.text).encode("utf-8")

    def edited(self, edits: Iterable[Edit]) -> SourceText:
        """This text with edits made. Where two overlap, the one that begins first is made."""
        pieces: list[str] = []
        done = 0
        for edit in sorted(edits, key=lambda each: (each.start, each.end)):
            if edit.start >= done:
                pieces += (self.text[done : edit.start], edit.text)
                done = edit.end
        pieces.append(self.text[done:])
        return SourceText(file=self.file, text="".join(pieces), bom=self.bom)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Where an offset is, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, both from 1; the end of the text when beyond it."""
        if line > len(self._line_starts):
            return len(self.text)
        return min(self._line_starts[line - 1] + column - 1, len(self.text))

    def position(self, start: int, end: int) -> Position:
        """The stretch between two offsets, in the file as it is written."""
        if self.line_map:
            return self._position_in_template(start)
        line, column = self.line_and_column(start)
        end_line, end_column = self.line_and_column(max(start, end))
        return Position(
            file=self.file, line=line, column=column, end_line=end_line, end_column=end_column
        )

    def _position_in_template(self, start: int) -> Position:
        index = bisect_right(self.line_map, (start, len(self.text))) - 1
        line = self.line_map[index][1] if index >= 0 else 1
        return Position(file=self.file, line=line, column=1, end_line=line, end_column=1)
