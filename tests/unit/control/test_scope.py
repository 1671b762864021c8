"""What is asked of requests and launches on a caller's behalf is asked of one deployment."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import pytest

import dagstead
from dagstead.plane.launches import Launch
from dagstead.plane.requests import Claim, NewRequest, Request
from dagstead.store.launches import LaunchStore
from dagstead.store.requests import RequestStore
from tests.support.trees import trees_naming

PACKAGE = Path(dagstead.__file__).parent

#: What an act was given, and that of a request which was found by it.
LOOKED_AT = {"deployment.name", "request.deployment"}
OF_THE_SYSTEM = "actor.require_system("
OF_THE_WHOLE = "actor.require_organization("


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A part of the store whose rows belong to deployments."""

    name: str
    store: type
    #: What they were read from, or are to be: it names its deployment.
    values: frozenset[type]
    #: They work on every deployment; only acts of the system, which answer nobody, may call them,
    #: and acts on the whole organization.
    of_all: frozenset[str]
    #: How an act looks at the deployment that it was given.
    looks: tuple[str, ...]

    def takes_its_deployment(self, method: str) -> bool:
        """Whether it is the first that a method takes."""
        parameters = list(inspect.signature(getattr(self.store, method)).parameters)
        return parameters[1:2] == ["deployment"]

    def calls(self) -> Iterator[tuple[Path, ast.FunctionDef, str, ast.Call]]:
        """Every call outside its own room: where, in what, of which method."""
        called = re.compile(rf"(^|\.)store\.{self.name}\.")
        for path, tree in trees_naming("store", self.name):
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef):
                    for call in ast.walk(function):
                        if isinstance(call, ast.Call) and called.search(ast.unparse(call.func)):
                            yield path, function, ast.unparse(call.func).split(".")[-1], call


ALL = [
    Rows(
        name="requests",
        store=RequestStore,
        values=frozenset({Claim, NewRequest, Request}),
        of_all=frozenset({"open", "expire_overdue", "purge"}),
        looks=("actor.require_agent(deployment)", OF_THE_SYSTEM),
    ),
    Rows(
        name="launches",
        store=LaunchStore,
        values=frozenset({NewRequest, Launch}),
        of_all=frozenset({"purge", "renew_offers", "in_branches", "watched"}),
        looks=(
            "actor.require_agent(deployment)",
            "actor.require_code(deployment)",
            "actor.require_deployment(deployment)",
            "actor.require_reach(deployment)",
            "actor.require_reading(deployment, ",
            OF_THE_SYSTEM,
        ),
    ),
]
every_part = pytest.mark.parametrize("rows", ALL, ids=lambda rows: str(rows.name))


@every_part
def test_every_method_takes_its_deployment_or_is_for_housekeeping(rows: Rows) -> None:
    methods = {
        name: get_type_hints(method)
        for name, method in inspect.getmembers(rows.store, inspect.isfunction)
        if not name.startswith("_")
    }
    given = {
        name: {kind for part, kind in hints.items() if part != "return"}
        for name, hints in methods.items()
    }
    by_value = {name for name, kinds in given.items() if rows.values & kinds}

    named = {name for name in methods if rows.takes_its_deployment(name)}
    assert {"of_run"} <= named
    assert set(methods) - named - by_value == rows.of_all


@every_part
def test_every_call_names_a_deployment_that_was_looked_at(rows: Rows) -> None:
    found = list(rows.calls())

    assert {"of_run", "purge"} <= {name for _path, _function, name, _call in found}
    for path, function, name, call in found:
        place = f"{path}:{call.lineno}"
        assert path.is_relative_to(PACKAGE / "control"), place
        source = ast.unparse(function)
        if name in rows.of_all:
            assert OF_THE_SYSTEM in source or OF_THE_WHOLE in source, place
        elif rows.takes_its_deployment(name):
            assert ast.unparse(call.args[0]) in LOOKED_AT, place
            # What is private is called by acts only.
            looked_at = any(each in source for each in rows.looks)
            assert function.name.startswith("_") or looked_at, place


@every_part
def test_they_are_only_ever_called(rows: Rows) -> None:
    """Under another name the walk above would not find it."""
    hidden = [
        f"{path}:{node.lineno}"
        for path, tree in trees_naming("store", rows.name)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Call)
        for node in _values(statement)
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(f"store.{rows.name}")
    ]
    assert hidden == []


def _values(statement: ast.AST) -> list[ast.expr]:
    """The expressions that it hands on as they are."""
    if isinstance(statement, ast.Call):
        return [*statement.args, *(keyword.value for keyword in statement.keywords)]
    value = getattr(statement, "value", None)
    return [value] if isinstance(value, ast.expr) else []
