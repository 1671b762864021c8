"""Shell scripts cut into words and operators, tolerantly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_OPERATOR = re.compile(r"\n|;;|;|&&|&>>|&>|\|\||\|&|\||&|\(|\)")
_REDIRECT = re.compile(r"\d*(?:>>|>\||>&|>|<<<|<<-?|<&|<>|<)")
_VARIABLE = re.compile(r"\$(?:(?P<plain>[A-Za-z_]\w*|[0-9@*#?$!-])|\{(?P<braced>[^{}]*)\})")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
#: Characters of a word that mean nothing, quoted or not.
_WRITTEN = re.compile(r"[\w./:=,@%+~^-]+")
_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_MARK = re.compile(r"[ \t]*(['\"]?)([^\s'\";|&<>()]+)\1")
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True, slots=True)
class WordPart:
    """A part of a word: written text, a variable, an expression of CI, or what is unknown."""

    kind: str
    text: str
    quoted: bool = False
    #: Of a script in a script, where it begins.
    start: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellToken:
    """A word, an operator (as its text) or a redirection (with its target as the next word)."""

    start: int
    end: int
    pieces: tuple[WordPart, ...] = ()
    operator: str = ""
    redirect: str = ""

    @property
    def written(self) -> str | None:
        """The text of a word that is nothing but text."""
        if self.operator or self.redirect or any(each.kind != "text" for each in self.pieces):
            return None
        return "".join(each.text for each in self.pieces)


def scan(script: str, base: int = 0) -> Iterator[ShellToken]:
    """The tokens of a script that begins at ``base`` of the whole one."""
    at = 0
    documents: list[str] = []
    while at < len(script):
        operator = _OPERATOR.match(script, at)
        redirect = _REDIRECT.match(script, at)
        passed = _passed(script, at)
        if passed > at:
            at = passed
        elif operator:
            at = operator.end()
            yield ShellToken(start=base + operator.start(), end=base + at, operator=operator[0])
            if operator[0] == "\n" and documents:
                at = _behind_documents(script, at, documents)
        elif redirect and not script.startswith(("<(", ">("), at):
            at = _document_mark(script, redirect, documents)
            yield ShellToken(start=base + redirect.start(), end=base + at, redirect=redirect[0])
        else:
            token = _word(script, at, base)
            yield token
            at = token.end - base


def _passed(script: str, at: int) -> int:
    """Behind blanks, a continued line's end, or a comment, if one stands here."""
    if script[at] == "#":
        return _line_end(script, at)
    found = _BLANK.match(script, at)
    return found.end() if found else at


def _document_mark(script: str, redirect: re.Match[str], documents: list[str]) -> int:
    """Where a redirection ends; the mark behind one of a document is noted."""
    at = redirect.end()
    if redirect[0].lstrip("0123456789") not in {"<<", "<<-"}:
        return at
    found = _MARK.match(script, at)
    documents.append(found[2] if found else "")
    return found.end() if found else at


def _behind_documents(script: str, at: int, documents: list[str]) -> int:
    while documents:
        mark = documents.pop(0)
        while at < len(script):
            end = _line_end(script, at)
            line = script[at:end].strip()
            at = min(end + 1, len(script))
            if line == mark:
                break
    return at


def _line_end(script: str, at: int) -> int:
    end = script.find("\n", at)
    return len(script) if end < 0 else end


def _word(script: str, start: int, base: int) -> ShellToken:
    reader = _WordReader(script=script, at=start, base=base)
    reader.read()
    # A character that begins nothing is passed over, so that the end is always reached.
    end = max(min(reader.at, len(script)), start + 1)
    return ShellToken(start=base + start, end=base + end, pieces=tuple(reader.pieces))


@dataclass(kw_only=True)
class _WordReader:
    script: str
    at: int
    base: int
    pieces: list[WordPart] = field(default_factory=list)

    def read(self) -> None:
        while self.at < len(self.script):
            character = self.script[self.at]
            if character in " \t\r\n;&|" or (character in "()<>" and not self._is_process()):
                return
            if character == "'":
                self._single()
            elif character == '"':
                self._double()
            else:
                self._plain(quoted=False)

    def _is_process(self) -> bool:
        return self.script.startswith(("<(", ">("), self.at)

    def _single(self) -> None:
        end = self.script.find("'", self.at + 1)
        end = len(self.script) if end < 0 else end
        self._add("text", self.script[self.at + 1 : end], quoted=True)
        self.at = end + 1

    def _double(self) -> None:
        self.at += 1
        self._add("text", "", quoted=True)
        while self.at < len(self.script) and self.script[self.at] != '"':
            self._plain(quoted=True)
        self.at += 1

    def _plain(self, *, quoted: bool) -> None:
        """One character, or what stands for something else."""
        following = self.script[self.at + 1 : self.at + 2]
        written = _WRITTEN.match(self.script, self.at)
        expression = _EXPRESSION.match(self.script, self.at)
        variable = _VARIABLE.match(self.script, self.at)
        if written:
            self._add("text", written[0], quoted=quoted)
            self.at = written.end()
        elif expression:
            self._add("expression", expression[0], quoted=quoted)
            self.at = expression.end()
        elif self.script.startswith(("$(", "`", "<(", ">("), self.at):
            self._substitution(quoted=quoted)
        elif variable:
            self._variable(variable, quoted=quoted)
        elif self.script[self.at] == "\\":
            self._add("text", following.strip("\n"), quoted=quoted)
            self.at += 2
        else:
            self._add("text", self.script[self.at], quoted=quoted)
            self.at += 1

    def _variable(self, found: re.Match[str], *, quoted: bool) -> None:
        name = found["plain"] or found["braced"] or ""
        known = _NAME.fullmatch(name) or name.isdigit()
        self._add("variable" if known else "unknown", name, quoted=quoted)
        self.at = found.end()

    def _substitution(self, *, quoted: bool) -> None:
        if self.script[self.at] == "`":
            end = self.script.find("`", self.at + 1)
            end = len(self.script) if end < 0 else end
            start = self.at + 1
        else:
            end = _closing(self.script, self.at + 1)
            start = self.at + 2
        inner = self.script[start:end]
        piece = WordPart(kind="script", text=inner, quoted=quoted, start=self.base + start)
        self.pieces.append(piece)
        self.at = end + 1

    def _add(self, kind: str, text: str, *, quoted: bool) -> None:
        last = self.pieces[-1] if self.pieces else None
        if kind == "text" and last and last.kind == "text" and last.quoted == quoted:
            self.pieces[-1] = WordPart(kind=kind, text=last.text + text, quoted=quoted)
        else:
            self.pieces.append(WordPart(kind=kind, text=text, quoted=quoted))


def _closing(script: str, opening: int) -> int:
    """The offset of the parenthesis that closes one, quotes heeded."""
    depth = 0
    quote = ""
    for at in range(opening, len(script)):
        character = script[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0:
                return at
    return len(script)
