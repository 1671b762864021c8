"""U+0000 and half characters, wherever a caller may write them."""

from __future__ import annotations

import json

import pytest

from dagstead.agent_api.graphql.plan import plan
from dagstead.engine.graphql_limits import parse_document
from dagstead.plane.texts import (
    UnstorableTextError,
    is_suspicious,
    require_storable,
    require_storable_values,
)

BAD = ["\0", "a\0", "\ud800", "\udfff tail"]
#: They look alike, and are texts.
GOOD = ["", "u0000", "\\u0000", "\\\\u0000", "é", "\U0001f600", "\x01"]


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("escaped", [True, False])
def test_bad_texts_are_found_at_any_depth(text: str, *, escaped: bool) -> None:
    for value in (text, [text], {"a": [{"b": text}]}, {text: 1}, [[[[[text]]]]]):
        if escaped:
            assert is_suspicious(json.dumps(value))
            assert is_suspicious(json.dumps(value).encode())
        with pytest.raises(UnstorableTextError):
            require_storable_values(value)
    with pytest.raises(UnstorableTextError):
        require_storable(None, "fine", text)


@pytest.mark.parametrize("text", GOOD)
def test_good_texts_pass(text: str) -> None:
    require_storable(text)
    require_storable_values({"a": [text, {"b": text}, 1, None, True, 1.5]})


def test_what_runs_say_is_passed_over() -> None:
    require_storable_values({"a": [{"message": "\0"}]}, passed_over=["message"])
    with pytest.raises(UnstorableTextError):
        require_storable_values({"a": [{"name": "\0"}]}, passed_over=["message"])


@pytest.mark.parametrize("text", [r"\u0000", r"a\u0000b", r"\u{0}", r"\u{00000}"])
def test_documents_are_looked_at(text: str) -> None:
    for document in (
        f'{{ f(a: "{text}") }}',
        f'{{ f(a: [{{b: "{text}"}}]) }}',
        f'query Q($a: String = "{text}") {{ f(a: $a) }}',
        f'{{ f @include(if: "{text}") }}',
    ):
        with pytest.raises(UnstorableTextError):
            parse_document(document)
        with pytest.raises(UnstorableTextError):
            plan(document, None)


@pytest.mark.parametrize("text", [r"\\u0000", r"\u0041", r"\u{1F600}"])
def test_documents_with_other_escapes_pass(text: str) -> None:
    parse_document(f'{{ f(a: "{text}") }}')
    plan(f'{{ f(a: "{text}") }}', None)
