"""Texts of a workflow with expressions in them, and conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.support.workflow_runner.expressions import (
    ExpressionError,
    Scope,
    Value,
    as_text,
    called_functions,
    evaluate,
    is_true,
)

_EXPRESSION = re.compile(r"\$\{\{(?P<inner>(?:'(?:[^']|'')*'|[^'}]|\}(?!\}))*)\}\}")

#: A condition that asks for none of these holds only after steps or jobs that succeeded.
_STATUS_FUNCTIONS = {"success", "failure", "always", "cancelled"}


def filled(value: Value, scope: Scope) -> Value:
    """A value of a workflow with its expressions evaluated; a lone one keeps its type."""
    if isinstance(value, list):
        return [filled(each, scope) for each in value]
    if isinstance(value, Mapping):
        return {key: filled(each, scope) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value.strip())
    if whole:
        return evaluate(whole["inner"], scope)
    text = _EXPRESSION.sub(lambda found: as_text(evaluate(found["inner"], scope)), value)
    if "${{" in _EXPRESSION.sub("", value):
        message = f"{value!r} has an expression without an end"
        raise ExpressionError(message)
    return text


def texts(values: Mapping[str, Value], scope: Scope) -> dict[str, str]:
    """The values of a mapping as texts: variables and inputs."""
    return {key: as_text(filled(value, scope)) for key, value in values.items()}


def holds(condition: Value, scope: Scope) -> bool:
    """Whether the ``if:`` of a step or a job holds; without one, when all before succeeded."""
    text = "success()" if condition is None else as_text(condition).strip()
    whole = _EXPRESSION.fullmatch(text)
    if whole:
        text = whole["inner"]
    elif "${{" in text:
        message = f"the condition {text!r} is a text, which always holds"
        raise ExpressionError(message)
    if not called_functions(text) & _STATUS_FUNCTIONS:
        text = f"success() && ({text})"
    return is_true(evaluate(text, scope))
