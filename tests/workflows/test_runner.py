"""The runner of workflows itself: it has to read them as GitHub does, or fail."""

from __future__ import annotations

import math
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.workflow_runner.documents import read_workflow
from tests.support.workflow_runner.events import matches_any
from tests.support.workflow_runner.expressions import ExpressionError, Scope, evaluate
from tests.support.workflow_runner.functions import FUNCTIONS
from tests.support.workflow_runner.machine import assignments
from tests.support.workflow_runner.texts import filled, holds

CONTEXTS = {
    "github": {"event": {"action": "opened"}, "ref": "refs/heads/main"},
    "matrix": {"names": ["a", "b"], "json": '{"x": [1, true]}'},
    "steps": {"a-b": {"outputs": {}}},
}


def scope(*, good: bool = True) -> Scope:
    status = {"success": lambda: good, "failure": lambda: not good, "always": lambda: True}
    return Scope(contexts=CONTEXTS, functions={**FUNCTIONS, **status})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event.action", "opened"),
        ("github['event'].ACTION == 'Opened'", True),
        ("github.event.pull_request.head.sha || github.ref", "refs/heads/main"),
        ("steps.a-b.outputs.x == ''", True),
        ("matrix.names[1]", "b"),
        ("matrix.names[7]", None),
        ("'it''s'", "it's"),
        ("!('' || 0) && 'yes' || 'no'", "yes"),
        ("false && 'yes' || 'no'", "no"),
        ("1 == '1.0' && null == 0 && true == 1", True),
        ("'x' == 0", False),
        ("2 > 1 && 'b' >= 'A' && !(null > 0)", True),
        ("contains(matrix.names, 'A') && contains('deploy', 'PLO')", True),
        ("startsWith(github.ref, 'REFS/') && endsWith(github.ref, 'main')", True),
        ("format('{0} {{{1}}}', 'a', 2.5)", "a {2.5}"),
        ("join(matrix.names, '+')", "a+b"),
        ("fromJSON(matrix.json).x[0]", 1),
        ("fromJSON(toJSON(matrix.names))", ["a", "b"]),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, value: Any) -> None:
    assert evaluate(text, scope()) == value


@pytest.mark.parametrize(
    "text",
    [
        "nowhere.ref",
        "hashFiles('x')",
        "a b",
        "(github.ref",
        "github.ref ==",
        '"double"',
        "format('{1}', 'x')",
        "fromJSON('{')",
        "",
    ],
)
def test_what_is_no_expression_or_not_known_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, scope())


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_read_as_it_is_written(number: float) -> None:
    assert evaluate(repr(number), scope()) == number
    assert not math.isnan(number)


def test_a_text_is_filled_in_and_a_lone_expression_keeps_its_type() -> None:
    assert filled("on ${{ github.ref }}: ${{ 'a}}b' }}", scope()) == "on refs/heads/main: a}}b"
    assert filled(["${{ matrix.names }}", 1], scope()) == [["a", "b"], 1]
    with pytest.raises(ExpressionError, match="without an end"):
        filled("${{ github.ref", scope())
    with pytest.raises(ExpressionError, match="toJSON"):
        filled("names: ${{ matrix.names }}", scope())


def test_a_condition_holds_after_a_failure_only_when_it_asks_for_it() -> None:
    for condition in (None, "true", "${{ github.ref == 'refs/heads/main' }}"):
        assert holds(condition, scope())
        assert not holds(condition, scope(good=False))
    assert holds("${{ always() && github.ref != '' }}", scope(good=False))
    assert holds("failure()", scope(good=False))
    with pytest.raises(ExpressionError, match="always holds"):
        holds("${{ github.ref }} == 'x'", scope())


@pytest.mark.parametrize(
    ("glob", "name", "matched"),
    [
        ("weather/**", "weather/src/a.py", True),
        ("weather/**", "weather.txt", False),
        ("**", "any/thing", True),
        ("**/docs/*.md", "docs/a.md", True),
        ("*.md", "docs/a.md", False),
        ("release-[0-9]+", "release-12", True),
        (r"\[odd\]\*/a.py", "[odd]*/a.py", True),
        ("a.py", "axpy", False),
    ],
)
def test_a_filter_means_the_files_that_github_takes_it_for(
    glob: str, name: str, *, matched: bool
) -> None:
    assert matches_any([name], [glob]) == matched


def test_a_step_tells_values_of_one_line_and_of_many() -> None:
    told = "a=1=2\nb<<END\nx\ny=z\nEND\n"
    assert assignments(told) == {"a": "1=2", "b": "x\ny=z"}
    for wrong in ("word\n", "b<<END\nx\n"):
        with pytest.raises(ValueError, match="b<<END|word"):
            assignments(wrong)


def test_a_key_that_is_not_known_is_refused() -> None:
    text = "name: n\non: {push: }\npermissions: {}\nconcurrency: {group: g}\njobs: {}\n"
    assert read_workflow(text).triggers.push is not None
    with pytest.raises(pydantic.ValidationError, match="services"):
        read_workflow(text + "services: {}\n")
