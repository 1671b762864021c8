"""The expressions of GitHub Actions: what is between ``${{`` and ``}}``, evaluated.

Contexts, properties, comparisons, logic and calls. A context or function that is not known, and a
text that is not an expression, is an error; a property that is not there is null, as on GitHub.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

#: None, a bool, a float, a text, a list or a mapping of values.
Value: TypeAlias = Any


class ExpressionError(Exception):
    """It is no expression, or names what does not exist."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression can name."""

    contexts: Mapping[str, Value]
    functions: Mapping[str, Callable[..., Value]]


Node: TypeAlias = Callable[[Scope], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.]))"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|[<>!.,()\[\]]))"
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")


def evaluate(text: str, scope: Scope) -> Value:
    """The value of an expression, without ``${{ }}`` around it.

    Raises:
        ExpressionError: when it is none, or names what does not exist.
    """
    return _Parser(text).whole()(scope)


def called_functions(text: str) -> set[str]:
    """The functions that an expression calls, in lower case."""
    tokens = list(_tokens(text))
    following = [sign for _, sign in tokens[1:]]
    return {
        name.lower()
        for (kind, name), sign in zip(tokens, following, strict=False)
        if kind == "name" and sign == "("
    }


def is_true(value: Value) -> bool:
    """Whether it counts as true."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return value != 0 and not math.isnan(value)
    return value not in (None, False, "")


def as_text(value: Value) -> str:
    """A value within a text.

    Raises:
        ExpressionError: when it is a list or a mapping, which nobody means to write there.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(int(value)) if float(value).is_integer() else repr(float(value))
        case str():
            return value
        case _:
            message = f"a text is made from {value!r}; take toJSON()"
            raise ExpressionError(message)


def is_equal(left: Value, right: Value) -> bool:
    """As GitHub compares: texts without regard to case, values of two types as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, list | Mapping) or isinstance(right, list | Mapping):
        return left is right
    return as_number(left) == as_number(right)


def as_number(value: Value) -> float:
    """A value where a number is wanted; not-a-number for what is none."""
    match value:
        case None | "":
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            try:
                return float(value)
            except ValueError:
                return math.nan
        case _:
            return math.nan


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, rest = 0, text.rstrip()
    while place < len(rest):
        found = _TOKEN.match(rest, place)
        if found is None or found.lastgroup is None:
            message = f"{text!r} is no expression, at {rest[place:]!r}"
            raise ExpressionError(message)
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*_tokens(text), ("end", "")]
        self._place = 0

    def whole(self) -> Node:
        node = self._either()
        if self._tokens[self._place][0] != "end":
            raise self._error()
        return node

    def _either(self) -> Node:
        node = self._both()
        while self._take("||"):
            node = _or(node, self._both())
        return node

    def _both(self) -> Node:
        node = self._compared()
        while self._take("&&"):
            node = _and(node, self._compared())
        return node

    def _compared(self) -> Node:
        node = self._negated()
        for sign in _COMPARISONS:
            if self._take(sign):
                return _compare(sign, node, self._negated())
        return node

    def _negated(self) -> Node:
        if self._take("!"):
            inner = self._negated()
            return lambda scope: not is_true(inner(scope))
        return self._reached()

    def _reached(self) -> Node:
        node = self._first()
        while True:
            if self._take("."):
                name = self._next("name")
                node = _member(node, _constant(name))
            elif self._take("["):
                node = _member(node, self._either())
                self._expect("]")
            else:
                return node

    def _first(self) -> Node:
        if self._take("("):
            node = self._either()
            self._expect(")")
            return node
        kind, text = self._tokens[self._place]
        if kind not in {"number", "text", "name"}:
            raise self._error()
        self._place += 1
        if kind == "name" and self._take("("):
            return _call(text, list(self._arguments()))
        if kind == "name" and text not in _CONSTANTS:
            return _context(text)
        return _constant(_literal(kind, text))

    def _arguments(self) -> Iterator[Node]:
        if self._take(")"):
            return
        yield self._either()
        while self._take(","):
            yield self._either()
        self._expect(")")

    def _take(self, sign: str) -> bool:
        found = self._tokens[self._place] == ("sign", sign)
        self._place += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error()

    def _next(self, kind: str) -> str:
        found, text = self._tokens[self._place]
        if found != kind:
            raise self._error()
        self._place += 1
        return text

    def _error(self) -> ExpressionError:
        return ExpressionError(f"{self._text!r} is no expression, at {self._tokens[self._place]}")


def _literal(kind: str, text: str) -> Value:
    match kind:
        case "number":
            return float(text)
        case "text":
            return text[1:-1].replace("''", "'")
        case _:
            return _CONSTANTS[text]


def _constant(value: Value) -> Node:
    return lambda _: value


def _or(left: Node, right: Node) -> Node:
    def node(scope: Scope) -> Value:
        value = left(scope)
        return value if is_true(value) else right(scope)

    return node


def _and(left: Node, right: Node) -> Node:
    def node(scope: Scope) -> Value:
        value = left(scope)
        return right(scope) if is_true(value) else value

    return node


def _compare(sign: str, left: Node, right: Node) -> Node:
    def node(scope: Scope) -> Value:
        one, two = left(scope), right(scope)
        if sign in {"==", "!="}:
            return is_equal(one, two) == (sign == "==")
        if isinstance(one, str) and isinstance(two, str):
            one, two = one.casefold(), two.casefold()
        else:
            one, two = as_number(one), as_number(two)
        return {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[sign]

    return node


def _member(owner: Node, key: Node) -> Node:
    def node(scope: Scope) -> Value:
        value, wanted = owner(scope), key(scope)
        if isinstance(value, Mapping):
            names = {str(name).casefold(): name for name in value}
            name = names.get(as_text(wanted).casefold())
            return None if name is None else value[name]
        if isinstance(value, list) and isinstance(wanted, float) and 0 <= wanted < len(value):
            return value[int(wanted)]
        return None

    return node


def _context(name: str) -> Node:
    def node(scope: Scope) -> Value:
        if name not in scope.contexts:
            message = f"there is no context {name!r} here; there are {sorted(scope.contexts)}"
            raise ExpressionError(message)
        return scope.contexts[name]

    return node


def _call(name: str, arguments: list[Node]) -> Node:
    def node(scope: Scope) -> Value:
        functions = {known.lower(): function for known, function in scope.functions.items()}
        if name.lower() not in functions:
            message = f"there is no function {name!r} here; there are {sorted(scope.functions)}"
            raise ExpressionError(message)
        return functions[name.lower()](*(each(scope) for each in arguments))

    return node
