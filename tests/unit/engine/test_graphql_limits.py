"""What costs too much is refused before it has cost it; what official clients send is not."""

from __future__ import annotations

import json

import pytest
from dagster_cloud_cli import gql
from graphql import DocumentNode, GraphQLError, get_introspection_query

from dagstead.engine.graphql_limits import (
    MAX_ALIASES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_TOKENS,
    MAX_VALUES,
    check_values,
    parse_document,
)
from dagstead.errors import TooLargeError
from tests.support.graphql_floods import FLOODS, doubling, nested


@pytest.mark.parametrize(
    ("flood", "sentence"),
    [
        ("characters", f"this server takes {MAX_CHARACTERS}"),
        ("tokens", f"more than {MAX_TOKENS} tokens"),
        ("aliases", f"more than {MAX_TOKENS} tokens"),
        ("some aliases", f"more than {MAX_ALIASES} aliases"),
        ("comments", f"more than {MAX_TOKENS} tokens"),
        ("directives", f"more than {MAX_TOKENS} tokens"),
        ("nested fields", f"more than {MAX_DEPTH} levels"),
        ("nested fragments", f"more than {MAX_DEPTH} levels"),
        ("doubling fragments", f"more than {MAX_DEPTH} levels"),
        ("doubling fields", f"more than {MAX_FIELDS} fields"),
    ],
)
def test_a_flood_is_refused_by_the_limit_that_it_passes(flood: str, sentence: str) -> None:
    with pytest.raises(TooLargeError) as caught:
        parse_document(FLOODS[flood])
    assert sentence in caught.value.message


def test_each_fragment_is_measured_once() -> None:
    # 2^13 fields are allowed, 2^15 are not; 2^45 could not be counted one by one.
    assert isinstance(parse_document(doubling(13)), DocumentNode)
    for fragments in (15, 45):
        with pytest.raises(TooLargeError, match="fields"):
            parse_document(doubling(fragments))


def test_a_deep_fragment_counts_where_it_is_used_deepest() -> None:
    fragment = f"fragment F on A {nested(30)}"
    parse_document(f"{{ ...F a {{ ...F }} }} {fragment}")
    deep = "{ ...F " + "a {" * 30 + "...F" + "}" * 31
    with pytest.raises(TooLargeError, match="levels"):
        parse_document(f"{deep} {fragment}")


def test_fragments_that_contain_themselves_are_left_to_validation() -> None:
    parse_document("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A ...Lost }")


def test_what_is_no_graphql_is_no_flood() -> None:
    with pytest.raises(GraphQLError, match="Expected Name"):
        parse_document("{")


def test_official_documents_are_taken() -> None:
    texts = [value for name, value in vars(gql).items() if name.isupper() and "{" in str(value)]
    assert len(texts) > 20
    for text in [get_introspection_query(), *texts]:
        parse_document(text)


@pytest.mark.parametrize("value", [{}, [], 1, "", {"a": 1}, '"', "\\", '\\",[{'])
def test_too_many_values_are_refused_unread(value: object) -> None:
    check_values(_body([value] * 1000))
    with pytest.raises(TooLargeError, match=f"more than {MAX_VALUES} values"):
        check_values(_body([value] * (MAX_VALUES + 1)))


@pytest.mark.parametrize("part", [",", "[{", '",', '\\"[', "\\", '\\\\"{', "ü,"])
def test_a_long_text_is_one_value(part: str) -> None:
    check_values(_body(part * (MAX_VALUES + 1)))


def test_names_count_as_values() -> None:
    with pytest.raises(TooLargeError):
        check_values(_body({f"k{number}": "" for number in range(MAX_VALUES)}))


def _body(value: object) -> bytes:
    return json.dumps({"query": "{version}", "variables": {"a": value}}).encode()
