"""Helm's own little language of ``--set``."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.model.nodes import Node, NodeKind, empty_mapping
from dagstead.model.source import SourceText
from dagstead.repository.agents.helm_flags import assigned, assignments

SOURCE = SourceText(file="x", text="")
AT = Node(NodeKind.SCALAR, "", SOURCE, 0, 0)


def values(text: str, kind: str = "--set") -> Any:
    tree = empty_mapping(SOURCE)
    for path, value in assignments(text, at=AT, kind=kind):
        tree = assigned(tree, path, value)
    return tree.plain()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a=1", {"a": 1}),
        ("a.b=x,a.c=true", {"a": {"b": "x", "c": True}}),
        ("a[0]=x,a[1]=y", {"a": ["x", "y"]}),
        ("a[1].b=x", {"a": [None, {"b": "x"}]}),
        ("a={x,y},b=", {"a": ["x", "y"], "b": ""}),
        ("a={}", {"a": []}),
        (r"a\.b=x\,y", {"a.b": "x,y"}),
        ("a=null", {"a": None}),
        ("a=007", {"a": "007"}),
        ("a=x=y", {"a": "x=y"}),
        ("a=$X", {"a": None}),
        ("a=1,a.b=2", {"a": {"b": 2}}),
    ],
)
def test_set(text: str, plain: Any) -> None:
    assert values(text) == plain


def test_text_and_json_are_not_guessed() -> None:
    assert values("a=1,b=true", "--set-string") == {"a": "1", "b": "true"}
    assert values('a.b={"c": [1, "x"]}', "--set-json") == {"a": {"b": {"c": [1, "x"]}}}


@pytest.mark.parametrize(
    ("text", "kind"),
    [("a", "--set"), ("=x", "--set"), ("a=[", "--set-json"), ("a[9999]=x", "--set")],
)
def test_what_helm_refuses_is_refused(text: str, kind: str) -> None:
    with pytest.raises(InvalidInputError):
        values(text, kind)


@given(st.text(max_size=30), st.sampled_from(["--set", "--set-string", "--set-json"]))
def test_any_text_is_read_or_refused(text: str, kind: str) -> None:
    try:
        values(text, kind)
    except InvalidInputError as error:
        assert error.message  # noqa: PT017 - most texts are refused, and none may raise otherwise
