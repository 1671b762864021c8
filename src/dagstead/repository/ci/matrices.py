"""The entries of ``strategy.matrix``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from dagstead.model.nodes import Node
from dagstead.repository.ci.expressions import UnknownValue
from dagstead.repository.ci.scopes import Scope

_MOST_ENTRIES = 256


def entries_of(node: Node | None, scope: Scope) -> Sequence[Mapping[str, Any]]:
    """An entry for each run of a job; one with unknown values where the workflow decides."""
    if node is None or node.is_null:
        return [{}]
    if not node.is_mapping:
        whole = scope.value(node)
        return _combined(whole) if isinstance(whole, dict) else [{}]
    return _combined({str(each.key.value): _values(each.value, scope) for each in node.entries})


def _values(node: Node, scope: Scope) -> Any:
    if node.is_sequence:
        return [_filled(each, scope) for each in node.items]
    return scope.value(node)


def _filled(node: Node, scope: Scope) -> Any:
    if node.is_mapping:
        return {str(each.key.value): _filled(each.value, scope) for each in node.entries}
    return scope.value(node)


def _combined(dimensions: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    lists = {name: each for name, each in dimensions.items() if name not in {"include", "exclude"}}
    choices = [
        [(name, each)]
        if isinstance(each, UnknownValue)
        else [(name, value) for value in _list(each)]
        for name, each in lists.items()
    ]
    products = itertools.islice(itertools.product(*choices), _MOST_ENTRIES)
    entries = [dict(each) for each in products] if choices else []
    entries = [each for each in entries if not _is_excluded(each, dimensions.get("exclude"))]
    for added in _list(dimensions.get("include")):
        _include(entries, added, set(lists))
    return entries or [{}]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_excluded(entry: Mapping[str, Any], excluded: Any) -> bool:
    return any(isinstance(each, dict) and each.items() <= entry.items() for each in _list(excluded))


def _include(entries: list[dict[str, Any]], added: Any, names: set[str]) -> None:
    """Add to the entries that it fits, or as an entry of its own."""
    if not isinstance(added, dict):
        return
    shared = {key: value for key, value in added.items() if key in names}
    fitting = [each for each in entries if shared.items() <= each.items()] if names else []
    for each in fitting:
        each.update(added)
    if not fitting:
        entries.append(dict(added))
