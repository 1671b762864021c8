"""What a document changes, found in as many steps as it has fields."""

from __future__ import annotations

from graphql import parse

from dagstead.operator_api.token_limits import changes
from tests.support.graphql_floods import chained, doubling


def test_every_root_field_of_every_change_is_found() -> None:
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
    assert sorted(changes(document)) == ["five", "four", "one", "three", "two"]


def test_a_fragment_is_looked_into_once_however_often_it_is_used() -> None:
    document = parse(doubling(60, "mutation", "Mutation"))
    assert list(changes(document)) == ["version"]


def test_long_chains_of_fragments_are_followed() -> None:
    assert list(changes(parse("mutation " + chained(3_000)))) == ["version"]
