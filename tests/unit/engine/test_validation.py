"""A document is validated once, and a wrong one each time."""

from __future__ import annotations

import pytest
from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, parse, validate

from dagstead.engine import validation
from dagstead.engine.validation import ValidTexts

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
def validated(monkeypatch: pytest.MonkeyPatch) -> list[DocumentNode]:
    """The documents that the specification's rules have seen."""
    seen: list[DocumentNode] = []

    def seeing(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
        seen.append(document)
        return validate(schema, document)

    monkeypatch.setattr(validation, "validate", seeing)
    return seen


def messages(texts: ValidTexts, text: str) -> list[str]:
    return [error.message for error in texts.errors(SCHEMA, text, parse(text))]


def test_a_valid_text_is_looked_at_once(validated: list[DocumentNode]) -> None:
    texts = ValidTexts()

    assert [messages(texts, VALID) for _ in range(3)] == [[], [], []]

    assert len(validated) == 1


def test_another_text_is_looked_at_whatever_it_shares_with_a_valid_one(
    validated: list[DocumentNode],
) -> None:
    texts = ValidTexts()
    messages(texts, VALID)

    assert messages(texts, f"{VALID} ") == []

    assert len(validated) == 2


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_text_is_refused_each_time_as_the_specification_says(text: str) -> None:
    texts = ValidTexts()
    expected = [error.message for error in validate(SCHEMA, parse(text))]
    assert expected

    assert [messages(texts, text) for _ in range(2)] == [expected, expected]


def test_what_was_not_asked_for_longest_is_forgotten(validated: list[DocumentNode]) -> None:
    texts = ValidTexts(kept=2)
    first, second, third = (f"query Q{number} {{ runs {{ id }} }}" for number in range(3))

    for text in (first, second, first, third):
        messages(texts, text)
    validated.clear()

    messages(texts, first)
    assert validated == []
    messages(texts, second)
    assert len(validated) == 1
