"""What people probably meant, and what values and queues are called."""

from __future__ import annotations

import pytest

from dagstead.model.queues import DEFAULT_QUEUE_WORDS, describe_queues, is_default_by_name
from dagstead.model.words import did_you_mean, kind_name, nearest, sentence


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("location-name", ["location_name", "build"], "location_name"),
        ("agentQueue", ["agent_queue"], "agent_queue"),
        ("imag", ["image", "build"], "image"),
        ("modul", ["package_name", "module_name"], "module_name"),
        ("eu", ["EU", "us"], "EU"),
        ("hybrid", ["hybrid-queue", "gpu"], "hybrid-queue"),
        ("WETHER", ["Weather"], "Weather"),
        ("port", ["host"], None),
        ("a", ["b"], None),
        ("", ["b"], None),
        ("--", ["=="], None),
        ("name", [], None),
    ],
)
def test_the_nearest_word_is_one_that_was_meant(
    name: str, known: list[str], expected: str | None
) -> None:
    assert nearest(name, known) == expected
    assert did_you_mean(name, known) == (f" Did you mean {expected!r}?" if expected else "")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "empty"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("x", "text"),
        ([], "a list"),
        ({}, "a mapping"),
        (b"x", "another value"),
    ],
)
def test_a_value_has_a_name_for_a_sentence(value: object, name: str) -> None:
    assert kind_name(value) == name


def test_the_default_queue_has_no_name() -> None:
    assert all(is_default_by_name(f" {word.upper()} ") for word in DEFAULT_QUEUE_WORDS)
    assert is_default_by_name(" ")
    assert not is_default_by_name(None)
    assert not is_default_by_name("hybrid")
    assert describe_queues(["b", None, "", "a"]) == "'', a, b, (default queue)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("no such host", "no such host."),
        ("Not found.", "Not found."),
        ("in mill or any parent of..\n", "in mill or any parent of."),
        ("Really?", "Really?"),
        ("a long story…", "a long story…"),
    ],
)
def test_others_words_end_with_one_full_stop(words: str, said: str) -> None:
    assert sentence(words) == said
