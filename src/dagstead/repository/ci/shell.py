"""Shell scripts cut into commands, tolerantly: a script that no shell would take gives something.

No shell is run. A word is known when all of it is written in the script, in variables that are set
to something known, or in expressions of CI that are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dagstead.repository.ci.expressions import unfilled
from dagstead.repository.ci.shell_forks import Forks
from dagstead.repository.ci.tokens import ShellToken, WordPart, scan

#: Behind these words a command begins.
_BEFORE_COMMANDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "exec", "command"}
    | {"sudo", "nohup", "done", "fi", "esac"}
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)\+?=")
_NAME = re.compile(r"[A-Za-z_]\w*")
_DECLARING = frozenset({"export", "local", "declare", "readonly", "typeset"})
_MOST_CALLS = 20
#: Of a loop that is followed word by word.
_MOST_ROUNDS = 20
_LOOPS = frozenset({"for", "while", "until", "select"})
#: Names of files, or words that the shell makes of one.
_PATTERN = re.compile(r"[*?\[{]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A command as it would be called."""

    #: ``None`` for a word that is not known; it may stand for any number of words.
    words: tuple[str | None, ...]
    #: The same words, with ``${NAME}`` and the like for what is not known.
    written: tuple[str, ...]
    #: Where output goes, as far as it is known.
    outputs: tuple[str | None, ...]
    #: Offsets in the script.
    start: int
    end: int
    #: The variables at that point.
    variables: dict[str, str | None] = field(repr=False)
    #: The subshells that it is in, by number, the outermost first.
    subshells: tuple[int, ...] = ()


#: Fills in an expression of CI; ``None`` for what is not known.
Fill = Callable[[str], str | None]


def calls_of(script: str, variables: dict[str, str | None], fill: Fill) -> Iterator[Call]:
    """The commands of a script in their order; all branches of an ``if`` that may run.

    ``variables`` is changed as the script sets them.
    """
    runner = _Runner(fill=fill, variables=variables, forks=Forks(variables=variables))
    yield from runner.run(tuple(scan(script)))


@dataclass(kw_only=True)
class _Runner:
    fill: Fill
    variables: dict[str, str | None]
    forks: Forks
    functions: dict[str, tuple[ShellToken, ...]] = field(default_factory=dict)
    depth: int = 0
    subshells: tuple[int, ...] = ()
    opened: int = 0

    def run(self, tokens: Sequence[ShellToken]) -> Iterator[Call]:
        current: list[ShellToken] = []
        operator = ""
        at = 0
        while at < len(tokens):
            body_end = _function_end(tokens, at)
            if body_end is not None:
                self.functions[tokens[at].written or ""] = tuple(tokens[at + 4 : body_end])
                at = body_end + 1
                continue
            loop = None if current else _loop(tokens, at)
            values = None if loop is None else self._values(loop.words)
            if loop is not None and values is not None:
                for each in values:
                    self.variables[loop.variable] = each
                    yield from self.run(loop.body)
                at = loop.end
                continue
            if tokens[at].operator:
                yield from self._finish(current, operator)
                current = []
                operator = tokens[at].operator
                self.forks.pass_word(operator)
                self._nest(operator)
            else:
                current.append(tokens[at])
            at += 1
        yield from self._finish(current, operator)

    def _values(self, words: Sequence[ShellToken]) -> list[str] | None:
        """What a loop goes through, where all of it is known."""
        values = [part for each in words for part in self._expanded(each)]
        known = [each for each in values if each is not None and not _PATTERN.search(each)]
        return known if len(known) == len(values) <= _MOST_ROUNDS else None

    def _nest(self, operator: str) -> None:
        if operator == "(":
            self.opened += 1
            self.subshells = (*self.subshells, self.opened)
        elif operator == ")":
            # One that closes nothing ends a pattern of `case`.
            self.subshells = self.subshells[:-1]

    def _finish(self, tokens: list[ShellToken], operator: str) -> Iterator[Call]:
        """What a command does; ``operator`` is what stands before it."""
        words, outputs = _without_redirects(tokens)
        while words and words[0].written in _BEFORE_COMMANDS:
            self.forks.pass_word(words[0].written or "")
            words = words[1:]
        if words:
            self.forks.pass_word(words[0].written or "")
        if self.forks.is_passed_over or self.forks.passes_over(operator):
            return
        before = dict(self.variables) if operator == "||" and self.forks.outcome is None else None
        yield from self._substituted(tokens)
        yield from self._command(self._assigned(words), outputs, operator)
        if before is not None:
            self.forks.may_have_run(before)

    def _substituted(self, tokens: list[ShellToken]) -> Iterator[Call]:
        for each in tokens:
            for piece in each.pieces:
                if piece.kind == "script":
                    outside = self.subshells
                    self._nest("(")
                    yield from self.run(tuple(scan(piece.text, piece.start)))
                    self.subshells = outside

    def _command(
        self, words: list[ShellToken], outputs: list[ShellToken], operator: str
    ) -> Iterator[Call]:
        expanded = tuple(part for each in words for part in self._expanded(each))
        if not expanded:
            return
        if expanded[0] in self.functions and self.depth < _MOST_CALLS:
            yield from self._called(str(expanded[0]), expanded[1:])
            return
        self._declared(expanded)
        self.forks.ran(expanded, operator)
        yield Call(
            words=expanded,
            written=tuple(part for each in words for part in self._written(each)),
            outputs=tuple(self._text(each) for each in outputs),
            start=words[0].start,
            end=words[-1].end,
            variables=dict(self.variables),
            subshells=self.subshells,
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

    def _assigned(self, words: list[ShellToken]) -> list[ShellToken]:
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

    def _value(self, word: ShellToken, start: int, assignment: str) -> str | None:
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

    def _expanded(self, word: ShellToken) -> list[str | None]:
        text = self._text(word)
        unquoted = any(each.kind != "text" and not each.quoted for each in word.pieces)
        if text is None or not unquoted:
            return [self._declaration(word) if text is None else text]
        return list(text.split())

    def _written(self, word: ShellToken) -> list[str]:
        if self._text(word) is not None:
            return [str(each) for each in self._expanded(word)]
        return ["".join(self._symbol(each) for each in word.pieces)]

    def _symbol(self, piece: WordPart) -> str:
        known = self._piece(piece)
        if known is not None:
            return known
        if piece.kind == "expression":
            return unfilled(piece.text)
        return f"$({piece.text})" if piece.kind == "script" else f"${{{piece.text}}}"

    def _declaration(self, word: ShellToken) -> str | None:
        """Of a word like ``--name=$x`` the part that is written, when it sets nothing."""
        first = word.pieces[0]
        found = first.kind == "text" and re.match(r"--[\w-]+=", first.text)
        return f"{found[0]}\0" if found else None

    def _text(self, word: ShellToken) -> str | None:
        parts = [self._piece(each) for each in word.pieces]
        return None if any(each is None for each in parts) else "".join(map(str, parts))

    def _piece(self, piece: WordPart) -> str | None:
        match piece.kind:
            case "text":
                return piece.text
            case "variable":
                return self.variables.get(piece.text)
            case "expression":
                return self.fill(piece.text)
            case _:
                return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loop:
    """``for variable in words; do body; done``."""

    variable: str
    words: Sequence[ShellToken]
    body: Sequence[ShellToken]
    #: Behind ``done``.
    end: int


def _loop(tokens: Sequence[ShellToken], at: int) -> _Loop | None:
    """The loop that begins at a token, if it names what it goes through."""
    head = [each.written for each in tokens[at : at + 3]]
    if head[:1] != ["for"] or head[2:] != ["in"] or not _NAME.fullmatch(head[1] or ""):
        return None
    first = next((each for each in range(at + 3, len(tokens)) if tokens[each].operator), None)
    if first is None:
        return None
    depth, begins = 1, True
    for end in range(first + 1, len(tokens)):
        written = tokens[end].written
        depth += begins and written in _LOOPS
        depth -= begins and written == "done"
        if not depth:
            words = tokens[at + 3 : first]
            return _Loop(variable=head[1] or "", words=words, body=tokens[first:end], end=end + 1)
        begins = bool(tokens[end].operator) or written in _BEFORE_COMMANDS
    return None


def _without_redirects(tokens: list[ShellToken]) -> tuple[list[ShellToken], list[ShellToken]]:
    words: list[ShellToken] = []
    outputs: list[ShellToken] = []
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


def _function_end(tokens: Sequence[ShellToken], at: int) -> int | None:
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
