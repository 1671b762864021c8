"""Which commands of a shell script run, and what variables hold behind those that may have run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: By name; ``None`` is set to something that is not known, and what is missing may be set or not.
Variables = dict[str, str | None]

_FORKING = frozenset({"if", "case", "while", "until", "for", "select"})
_JOINING = frozenset({"fi", "esac", "done"})
_TESTS = {"[": "]", "[[": "]]", "test": ""}
_PATTERN = frozenset("*?[")


def outcome_of(words: Sequence[str | None]) -> bool | None:
    """What a command comes to: ``None`` unless it is a comparison of texts that are known."""
    first = words[0] or ""
    if first not in _TESTS or None in words or any("\0" in (each or "") for each in words):
        return None
    end = _TESTS[first]
    inner = [each or "" for each in (words[1:-1] if end and words[-1] == end else words[1:])]
    is_negated = inner[:1] == ["!"]
    found = _compared(inner[1:] if is_negated else inner, is_pattern=first == "[[")
    return found if found is None else found is not is_negated


def _compared(words: Sequence[str], *, is_pattern: bool) -> bool | None:
    match words:
        case [left, "=" | "==" | "!=" as operator, right]:
            if is_pattern and _PATTERN & set(right):
                return None
            return (left == right) is (operator != "!=")
        case ["-n", text]:
            return text != ""
        case ["-z", text]:
            return text == ""
        case _:
            return None


@dataclass(kw_only=True)
class _Fork:
    """The branches of an ``if``, a ``case`` or a loop, up to where the script was read."""

    word: str
    before: Variables
    ends: list[Variables] = field(default_factory=list)
    #: Whether the branch runs that is being read; ``None`` is not known.
    runs: bool | None = None
    #: Whether one of the branches before it certainly runs.
    is_decided: bool = False
    has_else: bool = False


@dataclass(kw_only=True)
class Forks:
    """The forks around a place of a script."""

    #: Those at that place; changed in place.
    variables: Variables
    open: list[_Fork] = field(default_factory=list)
    #: What the last command came to; ``None`` is not known.
    outcome: bool | None = None
    _is_negated: bool = False

    @property
    def is_passed_over(self) -> bool:
        """Whether the commands at that place certainly do not run."""
        return any(fork.runs is False for fork in self.open)

    def passes_over(self, operator: str) -> bool:
        """Whether a command behind ``&&`` or ``||`` certainly does not run."""
        return (operator == "&&" and self.outcome is False) or (
            operator == "||" and self.outcome is True
        )

    def ran(self, words: Sequence[str | None], operator: str) -> None:
        """Take note of a command, behind an operator, for the condition that it may be part of."""
        found = outcome_of(words)
        if self._is_negated and found is not None:
            found = not found
        self._is_negated = False
        if operator == "|" or (operator in {"&&", "||"} and self.outcome is None):
            found = None
        self.outcome = found

    def pass_word(self, word: str) -> None:
        """Take note of a word of the shell where a command may begin."""
        if word in _FORKING:
            self.open.append(_Fork(word=word, before=dict(self.variables)))
        elif word == "!":
            self._is_negated = not self._is_negated
        elif self.open:
            self._pass_inner(word, self.open[-1])

    def _pass_inner(self, word: str, fork: _Fork) -> None:
        if word == "then":
            fork.runs = False if fork.is_decided else self.outcome
        elif word in {"elif", "else", ";;"}:
            self._end_branch(fork)
            fork.has_else |= word == "else"
        elif word in _JOINING:
            self._end_branch(fork)
            self.open.pop()
            is_whole = fork.has_else or fork.is_decided
            self._merge(fork.ends if is_whole else [fork.before, *fork.ends])

    def may_have_run(self, before: Variables) -> None:
        """Forget what the last command has set, if it differs from what was there before."""
        self._merge([before, dict(self.variables)])

    def _end_branch(self, fork: _Fork) -> None:
        if fork.runs is not False:
            fork.ends.append(dict(self.variables))
        fork.is_decided |= fork.runs is True
        fork.runs = False if fork.is_decided else None
        self._set(fork.before)

    def _merge(self, ends: list[Variables]) -> None:
        merged: Variables = {}
        for name in dict.fromkeys(name for end in ends for name in end):
            values = {end.get(name, "") for end in ends}
            if len(values) == 1:
                merged[name] = values.pop()
            elif "" not in values:
                merged[name] = None
            # Else nobody knows whether it is set.
        self._set(merged)

    def _set(self, variables: Variables) -> None:
        before = dict(variables)
        self.variables.clear()
        self.variables.update(before)
