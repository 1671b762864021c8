"""The root fields of a document, found in as many steps as it has fields."""

from __future__ import annotations

from graphql import parse

from dagstead.operator_api.root_fields import root_fields
from tests.support.graphql_floods import chained, doubling


def test_every_root_field_of_every_operation_is_found() -> None:
    document = parse(
        """
        query A { version }
        mutation B { a: one ... { two } ...F }
        subscription C { three ...F }
        fragment F on Mutation { four { inside } ...G ...Lost }
        fragment G on Mutation { five ...F }
        fragment OfNobody on Mutation { six }
        """
    )
    assert sorted(root_fields(document)) == ["five", "four", "one", "three", "two", "version"]


def test_a_fragment_is_looked_into_once_however_often_it_is_used() -> None:
    document = parse(doubling(60, "mutation", "Mutation"))
    assert list(root_fields(document)) == ["version"]


def test_long_chains_of_fragments_are_followed() -> None:
    assert list(root_fields(parse("mutation " + chained(3_000)))) == ["version"]
