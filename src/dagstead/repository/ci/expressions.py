"""Expressions of GitHub Actions, evaluated as far as their values are known.

Source of the semantics: GitHub's documentation, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dagstead.errors import InvalidInputError


class UnknownValue:
    """The value of something that is known only when the workflow runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = UnknownValue()

#: Looks a context up: ``("env", "NAME")``. Gives ``UNKNOWN`` for what it does not know.
Lookup = Callable[[tuple[str, ...]], Any]

#: Expressions that are variables of the shell, too.
_VARIABLES = {
    "github.sha": "GITHUB_SHA",
    "github.run_id": "GITHUB_RUN_ID",
    "github.run_number": "GITHUB_RUN_NUMBER",
    "github.run_attempt": "GITHUB_RUN_ATTEMPT",
    "github.ref_name": "GITHUB_REF_NAME",
    "github.repository": "GITHUB_REPOSITORY",
}
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>\|\||&&|==|!=|<=|>=|[<>!().,\[\]*]))"
)


def evaluate(source: str, lookup: Lookup) -> Any:
    """The value of an expression, without its braces; ``UNKNOWN`` where it cannot be known."""
    try:
        parser = _Parser(tokens=_tokens(source), lookup=lookup)
        value = parser.either()
    except (InvalidInputError, IndexError, RecursionError):
        return UNKNOWN
    return value if parser.at == len(parser.tokens) else UNKNOWN


def condition(text: str, lookup: Lookup) -> bool | None:
    """What an ``if:`` comes to, ``None`` where it cannot be known. Its braces may be left out."""
    stripped = text.strip()
    whole = EXPRESSION.fullmatch(stripped)
    if whole is None and EXPRESSION.search(stripped):
        filled = fill(stripped, lookup)
        return None if filled is None else bool(filled)
    return truth(evaluate(whole[1] if whole else stripped, lookup))


def fill(text: str, lookup: Lookup) -> str | None:
    """A text with its expressions replaced, ``None`` where one of them is unknown."""
    parts: list[str] = []
    done = 0
    for found in EXPRESSION.finditer(text):
        value = evaluate(found[1], lookup)
        if isinstance(value, UnknownValue):
            return None
        parts += (text[done : found.start()], as_text(value))
        done = found.end()
    return "".join((*parts, text[done:]))


def unfilled(expression: str) -> str:
    """What stands for an expression that is not known, the same wherever it is written."""
    inner = " ".join(expression.removeprefix("${{").removesuffix("}}").split())
    variable = _VARIABLES.get(inner)
    return f"${{{{{inner}}}}}" if variable is None else f"${{{variable}}}"


def truth(value: Any) -> bool | None:
    """Whether a value counts as true, ``None`` when it is unknown."""
    return None if isinstance(value, UnknownValue) else bool(value)


def as_text(value: Any) -> str:
    """A value as it is written into a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _tokens(source: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    text = source.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            msg = f"{source!r} is not an expression."
            raise InvalidInputError(msg)
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


@dataclass(kw_only=True)
class _Parser:
    """Parses and evaluates in one go, from the loosest operator to the tightest."""

    tokens: Sequence[tuple[str, str]]
    lookup: Lookup
    at: int = 0

    def either(self) -> Any:
        value = self.both()
        while self._takes("||"):
            value = _or(value, self.both())
        return value

    def both(self) -> Any:
        value = self._equality()
        while self._takes("&&"):
            value = _and(value, self._equality())
        return value

    def _equality(self) -> Any:
        value = self._comparison()
        while self._next() in {"==", "!="}:
            equal = self._take() == "=="
            value = _equal(value, self._comparison(), equal=equal)
        return value

    def _comparison(self) -> Any:
        value = self._negation()
        while self._next() in {"<", ">", "<=", ">="}:
            self._take()
            self._negation()
            value = UNKNOWN
        return value

    def _negation(self) -> Any:
        if self._takes("!"):
            value = truth(self._negation())
            return UNKNOWN if value is None else not value
        return self._operand()

    def _operand(self) -> Any:
        kind, text = self.tokens[self.at]
        self.at += 1
        match kind:
            case "string":
                return text[1:-1].replace("''", "'")
            case "number":
                return float(int(text, 16)) if "x" in text.lower() else float(text)
            case "name":
                return self._named(text)
            case _:
                pass
        if text != "(":
            msg = f"{text!r} is not expected."
            raise InvalidInputError(msg)
        value = self.either()
        self._expect(")")
        return self._followed(value)

    def _named(self, name: str) -> Any:
        if self._takes("("):
            return self._followed(_call(name.lower(), self._arguments()))
        constants: Mapping[str, Any] = {"true": True, "false": False, "null": None}
        if name in constants:
            return constants[name]
        path = [name]
        while self._next() in {".", "["}:
            path.append(self._part())
        return UNKNOWN if "*" in path else self.lookup(tuple(path))

    def _followed(self, value: Any) -> Any:
        found = value
        while self._next() in {".", "["}:
            part = self._part()
            found = found.get(part) if isinstance(found, dict) else UNKNOWN
        return found

    def _part(self) -> str:
        if self._take() == ".":
            return self._take()
        value = self.either()
        self._expect("]")
        return "*" if isinstance(value, UnknownValue) else as_text(value)

    def _arguments(self) -> list[Any]:
        if self._takes(")"):
            return []
        values = [self.either()]
        while self._takes(","):
            values.append(self.either())
        self._expect(")")
        return values

    def _next(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def _take(self) -> str:
        text = self.tokens[self.at][1]
        self.at += 1
        return text

    def _takes(self, text: str) -> bool:
        found = self._next() == text and self.tokens[self.at][0] == "operator"
        self.at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            msg = f"{text!r} is missing."
            raise InvalidInputError(msg)


def _or(left: Any, right: Any) -> Any:
    if isinstance(left, UnknownValue):
        return True if right is True else UNKNOWN
    return left or right


def _and(left: Any, right: Any) -> Any:
    if isinstance(left, UnknownValue):
        return False if right is False else UNKNOWN
    return right if left else left


def _equal(left: Any, right: Any, *, equal: bool) -> Any:
    if isinstance(left, UnknownValue) or isinstance(right, UnknownValue):
        return UNKNOWN
    if isinstance(left, str) and isinstance(right, str):
        same = left.lower() == right.lower()
    else:
        same = left == right
    return same == equal


def _call(name: str, arguments: list[Any]) -> Any:
    # A step is followed as it goes when all is well.
    fixed = {"always": True, "success": True, "failure": False, "cancelled": False}
    if name in fixed:
        return fixed[name]
    unknown = [each for each in arguments if isinstance(each, UnknownValue)]
    if unknown:
        # What JSON holds is not changed by reading or writing it.
        return unknown[0] if name in {"fromjson", "tojson"} else UNKNOWN
    function = _FUNCTIONS.get(name)
    try:
        return UNKNOWN if function is None else function(*arguments)
    except (TypeError, ValueError, IndexError, KeyError):
        return UNKNOWN


def _contains(where: Any, what: Any) -> Any:
    if isinstance(where, list):
        return what in where
    return as_text(what).lower() in as_text(where).lower()


def _format(text: str, *values: Any) -> str:
    return text.format(*(as_text(each) for each in values))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, start: as_text(text).lower().startswith(as_text(start).lower()),
    "endswith": lambda text, end: as_text(text).lower().endswith(as_text(end).lower()),
    "format": _format,
    "join": lambda values, by=",": by.join(as_text(each) for each in values),
    "tojson": json.dumps,
    "fromjson": json.loads,
}
