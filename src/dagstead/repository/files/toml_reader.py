"""TOML to nodes.

``tomllib`` says what a file means; it does not say where. A scanner of ours finds the places, on
texts that ``tomllib`` has accepted, so it may trust that they are well formed.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from dagstead.model.nodes import Entry, Node, NodeKind
from dagstead.model.source import SourceText
from dagstead.repository.files.yaml_reader import ParseResult, Problem

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_HASH = re.compile(r"#[^\n]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\]|\\.)*"')
_LITERAL = re.compile(r"'[^']*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'{3,5}", re.DOTALL)
_OTHER = re.compile(r"[^,\]}\s#]+(?: \d{2}:[^,\]}\s#]+)?")
_WHERE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")

_Path = tuple[str | int, ...]


def read_toml(source: SourceText) -> ParseResult:
    """Read a document. Never raises for what is in the text."""
    try:
        values = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        return ParseResult(root=None, syntax=_problem(source, str(error)))
    except RecursionError:
        return ParseResult(root=None, syntax=Problem(message="nested too deeply", start=0, end=0))
    scanner = _Scanner(source.text)
    scanner.scan()
    return ParseResult(root=_build((), values, (0, len(source.text)), source, scanner))


def comment_offsets(text: str) -> list[int]:
    """Where the comments of a text that can be read begin."""
    scanner = _Scanner(text)
    scanner.scan()
    return sorted(scanner.comments)


def _problem(source: SourceText, message: str) -> Problem:
    found = _WHERE.search(message)
    start = len(source.text)
    if found and found[1]:
        start = source.offset(int(found[1]), int(found[2]))
    text = _WHERE.sub("", message).strip()
    return Problem(message=text[:1].lower() + text[1:], start=start, end=start)


def _build(
    path: _Path, value: Any, place: tuple[int, int], source: SourceText, scanner: _Scanner
) -> Node:
    if isinstance(value, dict):
        entries = []
        for name, below in value.items():
            where = (*path, name)
            key_place = scanner.keys.get(where, place)
            key = Node(NodeKind.SCALAR, name, source, *key_place)
            below_place = scanner.values.get(where, key_place)
            entries.append(Entry(key, _build(where, below, below_place, source, scanner)))
        return Node(NodeKind.MAPPING, tuple(entries), source, *place)
    if isinstance(value, list):
        items = [
            _build((*path, i), each, scanner.values.get((*path, i), place), source, scanner)
            for i, each in enumerate(value)
        ]
        return Node(NodeKind.SEQUENCE, tuple(items), source, *place)
    return Node(NodeKind.SCALAR, value, source, *place)


class _Scanner:
    """Finds where the key and the value of each path are written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.keys: dict[_Path, tuple[int, int]] = {}
        self.values: dict[_Path, tuple[int, int]] = {}
        self._lengths: dict[_Path, int] = {}
        self.comments: set[int] = set()

    def scan(self) -> None:
        table: _Path = ()
        while True:
            self._skip()
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> _Path:
        start = self._at
        many = self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        path = self._key(())
        if many:
            index = self._lengths.get(path, 0)
            self._lengths[path] = index + 1
            path = (*path, index)
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        self.values[path] = (start, self._at)
        return path

    def _pair(self, table: _Path) -> None:
        path = self._key(table)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _key(self, table: _Path) -> _Path:
        """A dotted key; stands behind it afterwards."""
        path = table
        while True:
            self._skip()
            start = self._at
            name = self._key_part()
            path = (*path, name)
            self.keys.setdefault(path, (start, self._at))
            self._skip()
            if self._text[self._at] != ".":
                return path
            # A path through a list of tables goes on in its last one.
            self._at += 1
            count = self._lengths.get(path)
            path = path if count is None else (*path, count - 1)

    def _key_part(self) -> str:
        quote = self._text[self._at]
        start = self._at
        pattern = {'"': _BASIC, "'": _LITERAL}.get(quote, _BARE_KEY)
        self._take(pattern)
        written = self._text[start : self._at]
        if quote == '"':
            return str(next(iter(tomllib.loads(f"{written} = 0"))))
        return written[1:-1] if quote == "'" else written

    def _value(self, path: _Path) -> None:
        self._skip()
        start = self._at
        match self._text[start]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"':
                long = self._text.startswith('"""', start)
                self._take(_LONG_BASIC if long else _BASIC)
            case "'":
                long = self._text.startswith("'''", start)
                self._take(_LONG_LITERAL if long else _LITERAL)
            case _:
                self._take(_OTHER)
        self.values[path] = (start, self._at)

    def _array(self, path: _Path) -> None:
        index = 0
        while self._next_in("]"):
            self._value((*path, index))
            index += 1

    def _inline(self, path: _Path) -> None:
        while self._next_in("}"):
            self._pair(path)

    def _next_in(self, closing: str) -> bool:
        """Step over a bracket or comma; whether another item follows before ``closing``."""
        self._skip()
        if self._text[self._at] in "[{,":
            self._at += 1
            self._skip()
        if self._text[self._at] != closing:
            return True
        self._at += 1
        return False

    def _take(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at + 1

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self._at)
        start, self._at = self._at, found.end() if found else self._at
        self.comments |= {each.start() for each in _HASH.finditer(self._text, start, self._at)}
