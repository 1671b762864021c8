"""Who reads or writes what belongs to a deployment names the deployment, or says: all of them."""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from functools import cache

import pytest

from dagstead.plane.organization import Organization
from dagstead.store.all import Store
from dagstead.store.tables import metadata
from tests.support.environments import REPOSITORY

STORE = REPOSITORY / "src" / "dagstead" / "store"

#: Their rows have the name of a deployment.
TABLES = {table.name for table in metadata.sorted_tables if "deployment" in table.c}

#: What a value is called that has it.
NAMES = {"deployment", "deployments"}


@cache
def stores() -> Mapping[str, type]:
    """By the module that they are in: the stores with statements on these tables."""
    found = {
        kind.__module__.rpartition(".")[2]: kind for kind in typing.get_type_hints(Store).values()
    }
    return {name: kind for name, kind in found.items() if _tables_of(name) & TABLES}


def methods() -> list[str]:
    return [
        f"{store}.{name}"
        for store, kind in stores().items()
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        # Deployments have their names first, as all rows of a table.
        if not name.startswith("_") and store != "deployments"
    ]


def _tables_of(module: str) -> set[str]:
    path = STORE / f"{module}.py"
    if not path.is_file():
        return set()
    return {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "dagstead.store.tables"
        for alias in node.names
    }


def names_a_deployment(name: str, kind: object) -> bool:
    """Whether a parameter says which deployment is meant."""
    if kind is Organization or (kind is str and name in NAMES):
        return True
    inner = [part for part in typing.get_args(kind) if isinstance(part, type)]
    if typing.get_origin(kind) in {Iterable, frozenset} and inner:
        return names_a_deployment(name, inner[0])
    if not is_dataclass(kind):
        return False
    parts = typing.get_type_hints(kind)
    return bool(NAMES & set(parts)) or any(
        names_a_deployment(part, value) for part, value in parts.items()
    )


@pytest.mark.parametrize("method", methods())
def test_a_method_takes_the_deployment_first(method: str) -> None:
    store, _, name = method.partition(".")
    function = getattr(stores()[store], name)
    parameters = [each for each in inspect.signature(function).parameters if each != "self"]
    assert parameters, f"{method} works on all deployments: take an Organization, and say so"
    first = parameters[0]
    assert names_a_deployment(first, typing.get_type_hints(function)[first]), (
        f"{method} begins with {first}: begin with `deployment: str`, with a value that has it, or "
        "with an Organization, if it works on all of them"
    )


def test_the_walk_finds_what_there_is() -> None:
    assert {"agents", "launches", "locations", "releases", "requests", "writes"} <= set(stores())
    assert len(methods()) > 40
