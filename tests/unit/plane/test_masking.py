"""Values of secrets are not in what code has written."""

from __future__ import annotations

import json

import pytest
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import deserialize_value, serialize_value
from hypothesis import given
from hypothesis import strategies as some

from dagstead.plane.masking import MASK, mask_serialized
from dagstead.plane.tokens import TokenKind, new_secret

VALUES = ["hunter2-hunter2", 'it\'s "quoted" \\ ünï', "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----"]


def error(text: str) -> str:
    cause = SerializableErrorInfo(message=f"KeyError: {text!r}", stack=[text], cls_name="KeyError")
    found = SerializableErrorInfo(
        message=f"ValueError: invalid literal for int() with base 10: {text!r}\n",
        stack=[f"  File x.py, line 1, in y\n    connect({json.dumps(text)})\n"],
        cls_name="ValueError",
        cause=cause,
    )
    return serialize_value(found)


def test_a_token_has_a_mask_though_it_is_no_secret_of_anybodys() -> None:
    secret = new_secret(TokenKind.WORKER, "dagstead")
    masked = mask_serialized(json.dumps([f"env: {secret}", "as it is"]), [])
    assert json.loads(masked) == [f"env: worker:dagstead:{MASK}", "as it is"]


@pytest.mark.parametrize("value", VALUES)
def test_an_error_that_quotes_a_value_has_a_mask(value: str) -> None:
    masked = mask_serialized(error(value), VALUES)
    shown = deserialize_value(masked, SerializableErrorInfo)
    assert MASK in shown.message
    assert shown.cls_name == "ValueError"
    for form in (value, repr(value)[1:-1], json.dumps(value)[1:-1], *value.splitlines()):
        if len(form) >= 6:
            assert form not in shown.to_string()
            assert form not in masked


@given(some.lists(some.text(max_size=12)), some.text(max_size=40))
def test_the_form_of_an_error_stays(values: list[str], text: str) -> None:
    words = ["SerializableErrorInfo", "message", "__class__", "cls_name"]
    masked = deserialize_value(
        mask_serialized(error(text), [*values, *words]), SerializableErrorInfo
    )
    assert isinstance(masked, SerializableErrorInfo)


def test_nothing_else_is_changed() -> None:
    assert mask_serialized(error("something"), ["short", "", "     \n", "other"]) == error(
        "something"
    )
    assert mask_serialized("not JSON: hunter2-hunter2", VALUES) == f"not JSON: {MASK}"
