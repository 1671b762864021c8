"""What is asked of the request queue on a caller's behalf is asked of one deployment."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import dagstead
from dagstead.plane.requests import Claim, NewRequest, Request
from dagstead.store.requests import RequestStore
from tests.support.trees import trees_naming

PACKAGE = Path(dagstead.__file__).parent

#: They work on every deployment; only acts of the system, which answer nobody, may call them.
OF_ALL_DEPLOYMENTS = {"open", "expire_overdue", "purge"}
OF_THE_SYSTEM = "actor.require_system("

#: What an act was given, and that of a request which was found by it.
LOOKED_AT = {"deployment.name", "request.deployment"}
#: How an act looks at the deployment that it was given.
LOOKS = ("actor.require_agent(deployment)", OF_THE_SYSTEM)


def takes_its_deployment(name: str) -> bool:
    """Whether it is the first that a method of the queue takes."""
    return list(inspect.signature(getattr(RequestStore, name)).parameters)[1:2] == ["deployment"]


def calls() -> Iterator[tuple[Path, ast.FunctionDef, str, ast.Call]]:
    """Every call into the queue outside its own room: where, in what, of which method."""
    for path, tree in trees_naming("store", "requests"):
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and ".store.requests." in ast.unparse(call.func):
                        yield path, function, ast.unparse(call.func).split(".")[-1], call


def test_every_method_takes_its_deployment_or_is_for_housekeeping() -> None:
    methods = {
        name: get_type_hints(method)
        for name, method in inspect.getmembers(RequestStore, inspect.isfunction)
        if not name.startswith("_")
    }
    by_value = {
        name for name, hints in methods.items() if {Claim, NewRequest, Request} & {*hints.values()}
    }

    named = {name for name in methods if takes_its_deployment(name)}
    assert {"answer", "begin_launch", "of_run", "get_answer"} <= named
    assert set(methods) - named - by_value == OF_ALL_DEPLOYMENTS


def test_every_call_names_a_deployment_that_was_looked_at() -> None:
    found = list(calls())

    assert {"pop", "answer", "begin_launch"} <= {name for _path, _function, name, _call in found}
    for path, function, name, call in found:
        place = f"{path}:{call.lineno}"
        assert path.is_relative_to(PACKAGE / "control"), place
        source = ast.unparse(function)
        if name in OF_ALL_DEPLOYMENTS:
            assert OF_THE_SYSTEM in source, place
        elif takes_its_deployment(name):
            assert ast.unparse(call.args[0]) in LOOKED_AT, place
            # What is private is called by acts only.
            assert function.name.startswith("_") or any(each in source for each in LOOKS), place


def test_the_queue_is_only_ever_called() -> None:
    """Under another name the walk above would not find it."""
    hidden = [
        f"{path}:{node.lineno}"
        for path, tree in trees_naming("store", "requests")
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Call)
        for node in _values(statement)
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("store.requests")
    ]
    assert hidden == []


def _values(statement: ast.AST) -> list[ast.expr]:
    """The expressions that it hands on as they are."""
    if isinstance(statement, ast.Call):
        return [*statement.args, *(keyword.value for keyword in statement.keywords)]
    value = getattr(statement, "value", None)
    return [value] if isinstance(value, ast.expr) else []
