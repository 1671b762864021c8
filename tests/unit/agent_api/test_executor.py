"""Documents are answered field by field, and a field that fails takes no other with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from dagstead.agent_api.graphql.executor import INTERFACES, TYPENAME, Executor, Namespace
from dagstead.errors import BusyError, DagsteadError, NotFoundError, StoreAwayError
from tests.support.graphql_floods import chained, doubling


class Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    sizes: list[int] = []


class Ledger:
    """Counts calls, as a context."""

    def __init__(self) -> None:
        self.called: list[str] = []


def echo(_context: Ledger, *, text: str = "nothing", big_number: int | None = None) -> Any:
    return {"text": text, "bigNumber": big_number}


def numbered(context: Ledger, *, given: Filter) -> list[dict[str, Any]]:
    context.called.append("numbered")
    return [{"name": given.name, "size": size} for size in given.sizes]


def one_of(_context: Ledger, *, which: str) -> dict[str, Any]:
    if which == "found":
        return {TYPENAME: "Found", "value": 1}
    return {TYPENAME: "Missing", INTERFACES: ("Failure",), "message": "no"}


def inner(number: int, _context: Ledger, *, factor: int = 1) -> int:
    return number * factor


def parents(_context: Ledger) -> list[dict[str, Any]]:
    return [{"scaled": partial(inner, number)} for number in (1, 2)]


def write(context: Ledger) -> dict[str, bool]:
    context.called.append("write")
    return {"ok": True}


def broken(_context: Ledger) -> None:
    message = "the password is hunter2"
    raise RuntimeError(message)


def missing(_context: Ledger) -> None:
    message = "There is no such thing."
    raise NotFoundError(message)


def busy(_context: Ledger) -> None:
    raise BusyError


ROOTS: Mapping[str, Callable[..., Any] | Namespace] = {
    "echo": echo,
    "oneOf": one_of,
    "parents": parents,
    "space": Namespace(
        "Space",
        {
            "numbered": numbered,
            "write": write,
            "broken": broken,
            "missing": missing,
            "busy": busy,
        },
    ),
}


def run(document: str, /, context: Ledger | None = None, **variables: Any) -> dict[str, Any]:
    executor: Executor[Ledger] = Executor(ROOTS)
    return executor.execute(document, variables, None, context or Ledger())


def sentence(answer: dict[str, Any]) -> str:
    [error] = answer["errors"]
    assert set(error) <= {"message", "path"}
    return str(error["message"])


def test_aliases_defaults_and_typenames() -> None:
    answer = run(
        """query($t: String = "given") {
          a: echo { text } b: echo(text: $t, bigNumber: 7) { number: bigNumber text }
          __typename space { __typename }
        }"""
    )
    assert answer == {
        "data": {
            "a": {"text": "nothing"},
            "b": {"number": 7, "text": "given"},
            "__typename": "Query",
            "space": {"__typename": "Space"},
        }
    }


def test_input_objects_lists_and_fragments() -> None:
    answer = run(
        """query($f: Filter!) { space { numbered(given: $f) { ...Part size } } }
        fragment Part on Anything { name }""",
        f={"name": "n", "sizes": [1, 2]},
    )
    assert answer["data"]["space"]["numbered"] == [
        {"name": "n", "size": 1},
        {"name": "n", "size": 2},
    ]


@pytest.mark.parametrize(
    ("which", "expected"),
    [("found", {"value": 1, "t": "Found"}), ("lost", {"message": "no", "t": "Missing"})],
)
def test_fragments_are_for_their_types(which: str, expected: dict[str, Any]) -> None:
    answer = run(
        """query($w: String!) { oneOf(which: $w) {
          t: __typename ... on Found { value } ... on Failure { message }
        } }""",
        w=which,
    )
    assert answer["data"]["oneOf"] == expected


def test_what_is_skipped_is_not_called() -> None:
    context = Ledger()
    document = """query($yes: Boolean!) { space {
      numbered(given: {name: "x"}) @include(if: $yes) { name }
      write @skip(if: true) { ok }
      __typename
    } }"""
    assert run(document, context, yes=False) == {"data": {"space": {"__typename": "Space"}}}
    assert context.called == []
    run(document, context, yes=True)
    assert context.called == ["numbered"]


def test_nested_resolvers_take_arguments() -> None:
    answer = run("{ parents { one: scaled ten: scaled(factor: 10) } }")
    assert answer["data"]["parents"] == [{"one": 1, "ten": 10}, {"one": 2, "ten": 20}]


def test_null_counts_as_not_sent_where_there_is_a_default() -> None:
    assert run("{ echo(text: null) { text } }")["data"]["echo"] == {"text": "nothing"}


def test_a_field_asked_for_twice_is_called_once() -> None:
    context = Ledger()
    document = "{ space { write { ok } } space { write { again: ok } } }"
    assert run(document, context)["data"]["space"]["write"] == {"ok": True, "again": True}
    assert context.called == ["write"]


def test_an_unknown_field_stops_the_operation_before_it_begins() -> None:
    context = Ledger()
    answer = run("mutation { space { write { ok } noSuch } }", context)
    assert "no field 'noSuch'" in sentence(answer)
    assert "data" not in answer
    assert context.called == []


def test_an_unknown_part_of_an_answer_is_that_fields_error() -> None:
    answer = run("{ bad: echo { noSuch } good: echo { text } }")
    assert answer["data"] == {"bad": None, "good": {"text": "nothing"}}
    assert answer["errors"][0]["path"] == ["bad"]


def test_a_failure_says_what_the_client_may_know() -> None:
    answer = run("{ space { missing __typename } }")
    assert sentence(answer) == "There is no such thing."
    assert answer["data"] == {"space": {"missing": None, "__typename": "Space"}}


def test_an_unexpected_failure_is_only_a_reference(caplog: pytest.LogCaptureFixture) -> None:
    answer = run("{ space { broken } }")
    assert "hunter2" not in str(answer)
    reference = sentence(answer).rstrip(".").rsplit(" ", 1)[-1]
    [record] = caplog.records
    assert reference in record.getMessage()
    assert "hunter2" in str(record.exc_info)


def test_what_the_client_is_to_try_again_leaves_the_executor() -> None:
    with pytest.raises(BusyError):
        run("{ space { busy } }")


def test_what_is_to_leave_the_executor_may_be_said_by_its_owner() -> None:
    def leaving(error: Exception) -> DagsteadError | None:
        return StoreAwayError(reason=str(error)) if isinstance(error, RuntimeError) else None

    executor: Executor[Ledger] = Executor(ROOTS, leaving=leaving)
    with pytest.raises(StoreAwayError):
        executor.execute("{ space { broken } }", {}, None, Ledger())


@pytest.mark.parametrize(
    ("document", "variables", "part"),
    [
        ("{ echo(text: 3) { text } }", {}, "'text' of echo cannot be used"),
        ("{ echo(noSuch: 3) { text } }", {}, "takes no argument 'noSuch'"),
        ("{ oneOf { value } }", {}, "needs the argument 'which'"),
        ("query($w: String!) { oneOf(which: $w) { __typename } }", {}, "variable $w"),
        ("{ oneOf(which: $w) { __typename } }", {"w": "x"}, "does not declare"),
        ('{ space { numbered(given: {name: "x", other: 1}) { name } } }', {}, "other"),
        ('{ space { numbered(given: {name: "x", sizes: ["y"]}) { name } } }', {}, "sizes.0"),
        ("{ echo { text { deeper } } }", {}, "plain value"),
        ("{ echo { text(a: 1) } }", {}, "takes no arguments"),
        ("{ space }", {}, "ask for some of them"),
        ("{ parents }", {}, "parents has fields: ask for some of them"),
        ("{ " + " ".join(f"a{n}: echo {{ text }}" for n in range(51)) + " }", {}, "50 aliases"),
        ("{ space(a: 1) { write { ok } } }", {}, "takes no arguments"),
        ("{ echo { text } echo(text: null) { text } }", {}, "differently"),
        ("{ echo @live { text } }", {}, "no directive @live"),
        ("{ echo @skip(if: false) @skip(if: false) { text } }", {}, "@skip appears here twice"),
        ("{ ...Lost }", {}, "'Lost'"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", {}, "itself"),
        ("query A { echo { text } } query B { echo { text } }", {}, "operationName"),
        ("fragment A on Query { echo }", {}, "no operation"),
        ("subscription { echo { text } }", {}, "Subscriptions"),
        ("{" * 300 + "}" * 300, {}, "not GraphQL"),
        ("{" + "space {" * 30 + "a" + "}" * 31, {}, "levels deep"),
        ("{" + "... {" * 30 + "echo { text }" + "}" * 31, {}, "levels deep"),
        (chained(1_000), {}, "levels deep"),
        (doubling(12), {}, "fields"),
        ("{ " + "echo { text } " * 3000 + "}", {}, "not GraphQL"),
        ("{ " + "e" * 60_000 + " }", {}, "characters"),
    ],
)
def test_what_cannot_be_answered_is_said(
    document: str, variables: dict[str, Any], part: str
) -> None:
    assert part in sentence(run(document, **variables))


def test_fragments_that_multiply_are_stopped() -> None:
    doubling = "".join(
        f"fragment F{n} on Query {{ a: space {{ ...F{n + 1} }} b: space {{ ...F{n + 1} }} }} "
        for n in range(20)
    )
    document = "{ ...F0 } " + doubling + "fragment F20 on Query { echo { text } }"
    assert "more than" in sentence(run(document))


def test_the_operation_is_chosen_by_its_name() -> None:
    document = "query A { a: echo { text } } query B { b: echo { text } }"
    executor: Executor[Ledger] = Executor(ROOTS)
    answer = executor.execute(document, None, "B", Ledger())
    assert answer == {"data": {"b": {"text": "nothing"}}}
