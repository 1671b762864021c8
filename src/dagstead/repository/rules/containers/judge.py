"""Compares ``container_context`` with what agents read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from dagstead.model.nodes import Node, NodeKind, kind_of
from dagstead.model.words import nearest
from dagstead.repository.rules.containers.advice import advice_for_key, example_of
from dagstead.repository.rules.containers.schema import Model, Schema, Type
from dagstead.repository.rules.visit import unique_entries

#: What somebody fills in before the file is used: its type cannot be seen.
_UNFILLED = re.compile(r"\{\{|\$\{|\$[A-Za-z_]")
_SCALARS = {
    "text": "text",
    "whole": "a whole number",
    "number": "a number",
    "truth": "true or false",
}


class Fault(Enum):
    """What is wrong at a place."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Objection:
    """What an agent refuses."""

    fault: Fault
    node: Node
    message: str
    instead: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is: what its sentences call it, and whether it is complete."""

    schema: Schema
    #: From ``container_context`` on, with dots.
    path: str
    #: Whether a key that is not here can be nowhere else: what is merged may be in parts.
    whole: bool

    @property
    def called(self) -> str:
        last = self.path.rpartition(".")[2]
        return f"an item of {last[:-2]}" if last.endswith("[]") else last

    def below(self, key: str) -> _Place:
        return replace(self, path=f"{self.path}.{key}")

    def item(self) -> _Place:
        return replace(self, path=f"{self.path}[]", whole=True)


def refusals(context: Node, schema: Schema, *, whole: bool) -> Iterator[Objection]:
    """What agents refuse in a ``container_context``.

    Args:
        context: the mapping of platforms.
        schema: what agents read.
        whole: whether nothing is merged into it any more, so that what is not there is missing.
    """
    place = _Place(schema, "container_context", whole=whole)
    if not context.is_mapping:
        return
    yield from _fields(context, schema.shared, place)
    for platform, kind in schema.platforms.items():
        settings = context.get(platform)
        # The agent takes what counts as nothing for no settings at all.
        if settings is not None and settings.plain():
            yield from _judge(settings, kind, place.below(platform))


def _judge(node: Node, kind: Type, place: _Place) -> Iterator[Objection]:
    if node.kind is NodeKind.BROKEN or kind == "any":
        return
    if isinstance(kind, str):
        yield from _scalar(node, kind, place)
    elif "optional" in kind:
        if not node.is_null:
            yield from _judge(node, kind["optional"], place)
    elif "or_env" in kind:
        yield from _or_env(node, kind["or_env"], place)
    elif "choice" in kind:
        yield from _choice(node, kind["choice"], place)
    elif "list" in kind:
        yield from _list(node, kind["list"], place)
    else:
        yield from _mapping(node, kind, place)


def _scalar(node: Node, kind: str, place: _Place) -> Iterator[Objection]:
    match kind:
        case "text":
            fits = node.text is not None
        case "whole":
            fits = _is_number(node) and isinstance(node.value, int)
        case "number":
            fits = _is_number(node)
        case "truth":
            fits = isinstance(node.value, bool)
        case "count" | "measure":
            yield from _convertible(node, kind, place)
            return
        case _:
            msg = f"the schema has a type {kind!r} that is not known"
            raise ValueError(msg)
    if not fits and not (kind != "text" and _UNFILLED.search(node.text or "")):
        yield _wrong(node, _SCALARS[kind], place, example_of(place.called, node, kind))


def _is_number(node: Node) -> bool:
    return isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _convertible(node: Node, kind: str, place: _Place) -> Iterator[Objection]:
    """Kubernetes' client makes numbers of what looks like one."""
    if node.is_null or _UNFILLED.search(node.text or ""):
        return
    if not _becomes(float if kind == "measure" else int, node):
        yield _wrong(node, "a number", place, example_of(place.called, node, "whole"))


def _becomes(make: Callable[[Any], object], node: Node) -> bool:
    try:
        make(node.plain())
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _or_env(node: Node, kind: str, place: _Place) -> Iterator[Objection]:
    if node.is_sequence or (
        node.is_mapping and [each.key.value for each in unique_entries(node)] != ["env"]
    ):
        expected = f"{_SCALARS[kind]}, nor {{env: VARIABLE}}"
        yield _wrong(node, expected, place, example_of(place.called, node, kind))
    elif node.is_mapping:
        variable = node.get("env")
        if variable is not None:
            yield from _scalar(variable, "text", place.below("env"))
    else:
        yield from _scalar(node, kind, place)


def _choice(node: Node, known: list[str], place: _Place) -> Iterator[Objection]:
    text = node.text
    if text in known or _UNFILLED.search(text or ""):
        return
    meant = nearest(text or "", known)
    yield Objection(
        Fault.VALUE,
        node,
        f"{place.called} is {kind_of(node) if text is None else repr(text)}, which is not one "
        "of its values",
        f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}",
    )


def _list(node: Node, kind: Type, place: _Place) -> Iterator[Objection]:
    if not node.is_sequence:
        yield _wrong(node, "a list", place, f"Write '{place.called}: [ … ]'")
    for each in node.items:
        yield from _judge(each, kind, place.item())


def _mapping(node: Node, kind: Type, place: _Place) -> Iterator[Objection]:
    if not node.is_mapping:
        is_item = place.called.startswith("an item of ")
        how = "'- key: value'" if is_item else f"'{place.called}:' and its keys below it"
        yield _wrong(node, "a mapping", place, f"Write {how}")
        return
    if "map" in kind:
        for entry in unique_entries(node):
            yield from _judge(entry.value, kind["map"], place.below(str(entry.key.value)))
    if "fields" in kind:
        yield from _fields(node, kind, place)
    if "model" in kind:
        yield from _model(node, place.schema.models[kind["model"]], kind, place)


def _fields(node: Node, kind: Type, place: _Place) -> Iterator[Objection]:
    fields = kind["fields"]
    for entry in unique_entries(node):
        key = entry.key.value
        if key in fields:
            yield from _judge(entry.value, fields[key], place.below(str(key)))
        elif not kind.get("open"):
            yield Objection(
                Fault.KEY,
                entry.key,
                f"{key!r} is not a key of {place.path}",
                advice_for_key(str(key), kind, place.path, place.schema),
            )
    if place.whole:
        yield from _missing(node, kind.get("required", ()), place)


def _model(node: Node, model: Model, kind: Type, place: _Place) -> Iterator[Objection]:
    snake = {camel: name for name, camel in model.camel.items()}
    judged = kind.get("fields", {})
    for entry in unique_entries(node):
        key = str(entry.key.value)
        name = snake.get(key, key)
        if name not in model.types:
            yield _unknown_field(entry.key, model, place)
        elif name != key and node.entry(name) is not None:
            yield Objection(
                Fault.KEY,
                entry.key,
                f"{key!r} and {name!r} are one field of a {model.kind}",
                "Keep one of the two",
            )
        elif key not in judged:
            yield from _judge(entry.value, model.types[name], place.below(key))
    if place.path.endswith("[]"):
        needed = [each for each in model.required if each not in judged]
        missing = [each for each in needed if node.entry(model.camel.get(each, each)) is None]
        yield from _missing(node, missing, place)


def _unknown_field(key: Node, model: Model, place: _Place) -> Objection:
    written = str(key.value)
    meant = nearest(written, [*model.types, *model.camel.values()])
    if meant is not None and not written.islower():
        meant = model.camel.get(meant, meant)
    return Objection(
        Fault.KEY,
        key,
        f"{written!r} is not a field of a {model.kind}, which {place.called} is",
        f"Did you mean {meant!r}?"
        if meant
        else f"Write a field of a {model.kind} of Kubernetes, in snake_case or camelCase",
    )


def _missing(node: Node, required: Iterable[str], place: _Place) -> Iterator[Objection]:
    for key in required:
        there = node.entry(key)
        if there is None:
            yield Objection(
                Fault.VALUE, node, f"{place.called} has no {key}", f"Add '{key}: …' to it"
            )


def _wrong(node: Node, expected: str, place: _Place, instead: str) -> Objection:
    message = f"{place.called} is {kind_of(node)}, not {expected}"
    return Objection(Fault.VALUE, node, message, instead)
