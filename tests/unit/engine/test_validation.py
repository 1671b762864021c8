"""A document is validated once, and a wrong one each time."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    ASTValidationRule,
    FieldNode,
    FieldsOnCorrectTypeRule,
    build_schema,
    parse,
    validate,
)

from dagstead.engine import validation
from dagstead.engine.validation import ValidTexts, once_for_each_text

SCHEMA = build_schema("type Query { runs(limit: Int): [Run]  }  type Run { id: ID }")
VALID = "query Latest($n: Int) { runs(limit: $n) { ...R } } fragment R on Run { id }"
WRONG = [
    "{ runs { status } }",
    "{ unknown }",
    "query ($n: Int) { runs { id } }",
    "query ($n: String) { runs(limit: $n) { id } }",
    "{ runs { ...R } } fragment R on Run { ...R }",
    "{ runs { id } } { runs { id } }",
]


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fields that one of the specification's rules has seen."""
    seen: list[str] = []

    class Seeing(FieldsOnCorrectTypeRule):
        def enter_field(self, node: FieldNode, *where: Any) -> None:
            seen.append(node.name.value)
            super().enter_field(node, *where)

    monkeypatch.setattr(validation, "specified_rules", (Seeing,))
    return seen


def messages(text: str, *rules: type[ASTValidationRule]) -> list[str]:
    return [error.message for error in validate(SCHEMA, parse(text), rules or None)]


def test_a_valid_text_is_looked_at_once(looked_at: list[str]) -> None:
    rule = once_for_each_text(ValidTexts())

    assert [messages(VALID, rule) for _ in range(3)] == [[], [], []]

    assert looked_at == ["runs", "id"]


def test_another_text_is_looked_at_whatever_it_shares_with_a_valid_one(
    looked_at: list[str],
) -> None:
    rule = once_for_each_text(ValidTexts())
    messages(VALID, rule)

    assert messages(f"{VALID} ", rule) == []

    assert looked_at == ["runs", "id"] * 2


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_text_is_told_each_time_as_the_specification_says(text: str) -> None:
    rule = once_for_each_text(ValidTexts())
    told = messages(text)
    assert told

    assert [messages(text, rule) for _ in range(2)] == [told, told]


def test_what_was_not_asked_for_longest_is_forgotten(looked_at: list[str]) -> None:
    rule = once_for_each_text(ValidTexts(kept=2))
    first, second, third = (f"query Q{number} {{ runs {{ id }} }}" for number in range(3))

    for text in (first, second, first, third):
        messages(text, rule)
    looked_at.clear()

    messages(first, rule)
    assert looked_at == []
    messages(second, rule)
    assert looked_at == ["runs", "id"]
