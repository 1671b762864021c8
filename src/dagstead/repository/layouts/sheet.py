"""A YAML text as lines: where an entry of ``locations`` begins and ends, with its comments."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

import yaml

from dagstead.errors import LayoutError
from dagstead.model.nodes import Entry, Node
from dagstead.model.source import SourceText
from dagstead.repository.files.yaml_reader import read_yaml, scanned

#: Tokens that are no writing of their own.
_STRUCTURE = (
    yaml.BlockEndToken,
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.DirectiveToken,
    yaml.DocumentEndToken,
    yaml.DocumentStartToken,
    yaml.StreamEndToken,
    yaml.StreamStartToken,
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")
#: Ends a line for YAML 1.1, for no editor, and not in YAML 1.2.
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
_USUAL_STEP = 2


@dataclass(frozen=True, slots=True)
class YamlToken:
    """A piece of writing: its kind and its offsets, without blanks at the end."""

    kind: type[yaml.Token]
    start: int
    end: int
    #: The name of an anchor or alias.
    name: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The whole lines of an entry of a list, as offsets."""

    #: Where the comments above it begin.
    start: int
    #: Where the line of its dash begins.
    body: int
    #: Behind its last line and the comments that are indented more than the dash.
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end, as offsets."""

    start: int
    end: int
    #: Blanks before the first character; the length of an empty line.
    indent: int
    #: Whether nothing or only a comment is written there.
    blank: bool
    comment: bool


class Sheet:
    """A text that can be read, and where things are in it.

    Raises:
        LayoutError: when it has line ends that only YAML sees.
        ValueError: when the text cannot be read.
    """

    def __init__(self, source: SourceText) -> None:
        odd = odd_break(source)
        if odd is not None:
            raise LayoutError(odd)
        root = read_yaml(source).root
        if root is None:
            msg = f"{source.file} cannot be read"
            raise ValueError(msg)
        self.source = source
        self.text = source.text
        self.root: Node = root
        self.tokens = tuple(_tokens(source.text))
        self._starts = [each.start for each in self.tokens]
        self.lines = tuple(_lines(source.text))

    @property
    def newline(self) -> str:
        """The line end of the file: the first one."""
        return newline_of(self.text)

    def line_at(self, offset: int) -> int:
        """The index of the line with a character."""
        return self.source.line_and_column(offset)[0] - 1

    def column(self, offset: int) -> int:
        """The characters before one in its line."""
        return self.source.line_and_column(offset)[1] - 1

    def content_end(self, start: int, end: int) -> int:
        """Behind the last piece of writing that begins between two offsets; comments are none."""
        first, behind = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return self.tokens[behind - 1].end if behind > first else start

    def tokens_from(self, offset: int) -> Iterator[YamlToken]:
        """The pieces of writing that begin at an offset or behind it."""
        first = bisect_left(self._starts, offset)
        return (self.tokens[index] for index in range(first, len(self.tokens)))

    def value_span(self, entry: Entry) -> tuple[int, int]:
        """Where the value of a written key is; an alias is where it stands, not what it names."""
        after = list(islice(self.tokens_from(entry.key.end), 2))
        colon = after[0].end
        if len(after) > 1 and after[1].kind is yaml.AliasToken:
            return after[1].start, after[1].end
        if entry.value.start == entry.value.end:
            return colon, colon
        return entry.value.start, self.content_end(entry.value.start, entry.value.end)

    def listing(self, entry: Entry) -> tuple[int, tuple[Stretch, ...]] | None:
        """The column of the dashes and the lines of each item of a block list.

        ``None`` for a list that is written in another way: in brackets, by an alias, or with a dash
        behind something else.
        """
        dashes = self._dashes(entry)
        if not dashes or len(dashes) != len(entry.value.items):
            return None
        column = self.column(dashes[0])
        if any(self.lines[self.line_at(each)].indent != column for each in dashes):
            return None
        end = self.value_span(entry)[1]
        first = self.line_at(entry.key.end) + 1
        stretches = []
        for at, following in zip(dashes, [*dashes[1:], None], strict=True):
            body = self.line_at(at)
            last = self.line_at(self.content_end(at, end if following is None else following) - 1)
            tail = self._tail(last + 1, column, at_end=following is None)
            stretch = Stretch(
                self.lines[first].start, self.lines[body].start, self.lines[tail - 1].end
            )
            stretches.append(stretch)
            first = tail
        return column, tuple(stretches)

    def step(self) -> int:
        """By how much deeper levels are indented: seen at the first that is."""
        for entry in self.root.entries:
            if entry.value.is_mapping and entry.value.entries and not entry.merged:
                first = entry.value.entries[0].key.start
                if self.column(first) and self.line_at(first) != self.line_at(entry.key.start):
                    return self.column(first)
        return _USUAL_STEP

    def _dashes(self, entry: Entry) -> list[int]:
        start, end = self.value_span(entry)
        found = [
            each.start
            for each in takewhile(lambda token: token.start < end, self.tokens_from(start))
            if each.kind is yaml.BlockEntryToken
        ]
        if not found or not entry.value.is_sequence or found[0] != start:
            return []
        column = self.column(found[0])
        return [each for each in found if self.column(each) == column]

    def _tail(self, line: int, column: int, *, at_end: bool) -> int:
        """The index behind the comments that belong to the entry above them."""
        least = max(column, 1) if at_end else column + 1
        tail = line
        while line < len(self.lines):
            each = self.lines[line]
            if each.comment and each.indent >= least:
                tail = line + 1
            elif not each.blank or each.comment:
                break
            line += 1
        return tail


def odd_break(source: SourceText) -> str | None:
    """Why a text cannot be changed line by line, with the place; ``None`` when it can be."""
    found = _ODD_BREAK.search(source.text)
    if found is None:
        return None
    return (
        f"{source.position(found.start(), found.end())}: the character U+{ord(found[0]):04X} ends "
        "a line in YAML, and editors do not show that. Remove it, or write it as an escape in "
        f'double quotes: "\\u{ord(found[0]):04x}".'
    )


def newline_of(text: str) -> str:
    """The first line end of a text."""
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def text_lines(text: str) -> list[str]:
    """The lines of a text without their ends, as YAML and editors count them."""
    lines = re.split(r"\r\n|\n|\r", text)
    return lines if lines[-1] else lines[:-1]


def _tokens(text: str) -> Iterator[YamlToken]:
    for each in scanned(text):
        start, end = each.start_mark.index, each.end_mark.index
        if isinstance(each, _STRUCTURE) or start == end:
            continue
        end = start + len(text[start:end].rstrip())
        name = each.value if isinstance(each, yaml.AliasToken | yaml.AnchorToken) else ""
        yield YamlToken(type(each), start, end, name)


def _lines(text: str) -> Iterator[Line]:
    for found in _LINE.finditer(text):
        if found.start() == found.end():
            return
        written = found[0].rstrip("\r\n")
        bare = written.lstrip(" \t")
        yield Line(
            found.start(),
            found.end(),
            len(written) - len(bare),
            not bare or bare.startswith("#"),
            bare.startswith("#"),
        )
