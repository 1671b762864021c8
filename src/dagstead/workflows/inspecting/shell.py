"""Shell scripts cut into commands, tolerantly: a script that no shell would take gives something.

No shell is run. A word is known when all of it is written in the script, in variables that are set
to something known, or in expressions of CI that are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

#: Behind these words a command begins.
_BEFORE_COMMANDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "exec", "command"}
    | {"sudo", "nohup", "done", "fi", "esac"}
)
_OPERATOR = re.compile(r"\n|;;|;|&&|&>>|&>|\|\||\|&|\||&|\(|\)")
_REDIRECT = re.compile(r"\d*(?:>>|>\||>&|>|<<<|<<-?|<&|<>|<)")
_VARIABLE = re.compile(r"\$(?:(?P<plain>[A-Za-z_]\w*|[0-9@*#?$!-])|\{(?P<braced>[^{}]*)\})")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)\+?=")
_NAME = re.compile(r"[A-Za-z_]\w*")
#: Characters of a word that mean nothing, quoted or not.
_WRITTEN = re.compile(r"[\w./:=,@%+~^-]+")
_DECLARING = frozenset({"export", "local", "declare", "readonly", "typeset"})
_MARK = re.compile(r"[ \t]*(['\"]?)([^\s'\";|&<>()]+)\1")
_MOST_CALLS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a word: written text, a variable, an expression of CI, or what is unknown."""

    kind: str
    text: str
    quoted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A word, an operator (as its text) or a redirection (with its target as the next word)."""

    start: int
    end: int
    pieces: tuple[Piece, ...] = ()
    operator: str = ""
    redirect: str = ""

    @property
    def written(self) -> str | None:
        """The text of a word that is nothing but text."""
        if self.operator or self.redirect or any(each.kind != "text" for each in self.pieces):
            return None
        return "".join(each.text for each in self.pieces)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A command as it would be called."""

    #: ``None`` for a word that is not known; it may stand for any number of words.
    words: tuple[str | None, ...]
    #: Where output goes, as far as it is known.
    outputs: tuple[str | None, ...]
    #: Offsets in the script.
    start: int
    end: int
    #: The variables at that point.
    variables: dict[str, str | None] = field(repr=False)


#: Fills in an expression of CI; ``None`` for what is not known.
Fill = Callable[[str], str | None]


def calls_of(script: str, variables: dict[str, str | None], fill: Fill) -> Iterator[Call]:
    """The commands of a script in their order; both branches of an ``if``.

    ``variables`` is changed as the script sets them.
    """
    runner = _Runner(fill=fill, variables=variables)
    yield from runner.run(tuple(_scan(script)))


@dataclass(kw_only=True)
class _Runner:
    fill: Fill
    variables: dict[str, str | None]
    functions: dict[str, tuple[Token, ...]] = field(default_factory=dict)
    depth: int = 0

    def run(self, tokens: Sequence[Token]) -> Iterator[Call]:
        current: list[Token] = []
        at = 0
        while at < len(tokens):
            body_end = _function_end(tokens, at)
            if body_end is not None:
                self.functions[tokens[at].written or ""] = tuple(tokens[at + 4 : body_end])
                at = body_end + 1
                continue
            if tokens[at].operator:
                yield from self._finish(current)
                current = []
            else:
                current.append(tokens[at])
            at += 1
        yield from self._finish(current)

    def _finish(self, tokens: list[Token]) -> Iterator[Call]:
        for each in tokens:
            for piece in each.pieces:
                if piece.kind == "script":
                    yield from self.run(tuple(_scan(piece.text)))
        words, outputs = _without_redirects(tokens)
        while words and words[0].written in _BEFORE_COMMANDS:
            words = words[1:]
        words = self._assigned(words)
        if not words:
            return
        expanded = tuple(part for each in words for part in self._expanded(each))
        if not expanded:
            return
        if expanded[0] in self.functions and self.depth < _MOST_CALLS:
            yield from self._called(str(expanded[0]), expanded[1:])
            return
        self._declared(expanded)
        yield Call(
            words=expanded,
            outputs=tuple(self._text(each) for each in outputs),
            start=words[0].start,
            end=words[-1].end,
            variables=dict(self.variables),
        )

    def _called(self, name: str, arguments: tuple[str | None, ...]) -> Iterator[Call]:
        before = {key: value for key, value in self.variables.items() if key.isdigit()}
        numbered = {str(number): value for number, value in enumerate(arguments, start=1)}
        self.variables.update(numbered)
        self.depth += 1
        yield from self.run(self.functions[name])
        self.depth -= 1
        for key in numbered:
            self.variables.pop(key, None)
        self.variables.update(before)

    def _assigned(self, words: list[Token]) -> list[Token]:
        """Take the assignments before a command; a loop's variable is not known."""
        while words:
            first = words[0].pieces[0] if words[0].pieces else None
            found = first and first.kind == "text" and _ASSIGNMENT.match(first.text)
            if not first or not found or first.quoted:
                break
            self.variables[found["name"]] = self._value(words[0], found.end(), found[0])
            words = words[1:]
        if words and words[0].written in {"for", "read", "mapfile", "readarray", "select"}:
            for each in words[1:]:
                if each.written and _NAME.fullmatch(each.written):
                    self.variables[each.written] = None
            return []
        return words

    def _value(self, word: Token, start: int, assignment: str) -> str | None:
        text = self._text(word)
        return None if text is None or "+=" in assignment else text[start:]

    def _declared(self, words: tuple[str | None, ...]) -> None:
        if words[0] == "unset":
            self.variables.update({each: "" for each in words[1:] if each})
        if words[0] in _DECLARING:
            for each in words[1:]:
                name, equals, value = (each or "").partition("=")
                if equals:
                    self.variables[name] = value

    def _expanded(self, word: Token) -> list[str | None]:
        text = self._text(word)
        unquoted = any(each.kind != "text" and not each.quoted for each in word.pieces)
        if text is None or not unquoted:
            return [self._declaration(word) if text is None else text]
        return list(text.split())

    def _declaration(self, word: Token) -> str | None:
        """Of a word like ``--name=$x`` the part that is written, when it sets nothing."""
        first = word.pieces[0]
        found = first.kind == "text" and re.match(r"--[\w-]+=", first.text)
        return f"{found[0]}\0" if found else None

    def _text(self, word: Token) -> str | None:
        parts = [self._piece(each) for each in word.pieces]
        return None if any(each is None for each in parts) else "".join(map(str, parts))

    def _piece(self, piece: Piece) -> str | None:
        match piece.kind:
            case "text":
                return piece.text
            case "variable":
                return self.variables.get(piece.text)
            case "expression":
                return self.fill(piece.text)
            case _:
                return None


def _without_redirects(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    words: list[Token] = []
    outputs: list[Token] = []
    pending = ""
    for each in tokens:
        if each.redirect:
            # The mark of a document is no word.
            pending = "" if "<<" in each.redirect and "<<<" not in each.redirect else each.redirect
        elif pending:
            if ">" in pending:
                outputs.append(each)
            pending = ""
        else:
            words.append(each)
    return words, outputs


def _function_end(tokens: Sequence[Token], at: int) -> int | None:
    """The index of the brace that ends a function which begins here."""
    start = tokens[at : at + 4]
    shape = [each.operator or each.written for each in start[1:]]
    if shape != ["(", ")", "{"] or not _NAME.fullmatch(start[0].written or ""):
        return None
    depth = 0
    for index in range(at + 3, len(tokens)):
        written = tokens[index].written
        depth += {"{": 1, "}": -1}.get(written or "", 0)
        if depth == 0:
            return index
    return None


def _scan(script: str) -> Iterator[Token]:
    at = 0
    documents: list[str] = []
    while at < len(script):
        operator = _OPERATOR.match(script, at)
        redirect = _REDIRECT.match(script, at)
        character = script[at]
        if character in " \t\r" or script.startswith(("\\\n", "\\\r\n"), at):
            at += 1 if character != "\\" else script.index("\n", at) + 1 - at
        elif character == "#":
            at = _line_end(script, at)
        elif operator and not (redirect and operator[0] == "("):
            at = operator.end()
            yield Token(start=operator.start(), end=at, operator=operator[0])
            if operator[0] == "\n" and documents:
                at = _behind_documents(script, at, documents)
        elif redirect and not script.startswith(("<(", ">("), at):
            at = _document_mark(script, redirect, documents)
            yield Token(start=redirect.start(), end=at, redirect=redirect[0])
        else:
            word_token = _word(script, at)
            yield word_token
            at = word_token.end


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


def _word(script: str, start: int) -> Token:
    reader = _WordReader(script=script, at=start)
    reader.read()
    # A character that begins nothing is passed over, so that the end is always reached.
    return Token(start=start, end=max(reader.at, start + 1), pieces=tuple(reader.pieces))


@dataclass(kw_only=True)
class _WordReader:
    script: str
    at: int
    pieces: list[Piece] = field(default_factory=list)

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
            inner = self.script[self.at + 1 : end]
        else:
            end = _closing(self.script, self.at + 1)
            inner = self.script[self.at + 2 : end]
        self._add("script", inner, quoted=quoted)
        self.at = end + 1

    def _add(self, kind: str, text: str, *, quoted: bool) -> None:
        last = self.pieces[-1] if self.pieces else None
        if kind == "text" and last and last.kind == "text" and last.quoted == quoted:
            self.pieces[-1] = Piece(kind=kind, text=last.text + text, quoted=quoted)
        else:
            self.pieces.append(Piece(kind=kind, text=text, quoted=quoted))


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
