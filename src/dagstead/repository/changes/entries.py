"""Configuration entries, compared by what they mean: the resolved values, then and now."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dagstead.model.location import Location
from dagstead.model.nodes import Node
from dagstead.repository.changes.parts import Hop, hop_at
from dagstead.repository.files.merge import without_nulls

_Form = tuple[tuple[str, str], ...]
#: The folder that is built, which one file may write in another way than the next.
_FOLDER = "build.directory"


def entry_steps(then: Iterable[Location], now: Iterable[Location], prefix: str) -> tuple[Hop, ...]:
    """What differs between the definitions of one location, each with its place now.

    Empty when all of them mean the same: order, comments, and the file that an entry is in do not
    matter. Values are not shown: they may be secrets.
    """
    before = {_form(each): each for each in then}
    after = {_form(each): each for each in now}
    new = [each for form, each in after.items() if form not in before]
    lost = [each for form, each in before.items() if form not in after]
    if not new:
        return tuple(_step(each, prefix, "entry removed") for each in lost)
    if not before:
        return (_step(new[0], prefix, "entry added"),)
    return tuple(hop for each in new for hop in _differing(before, each, prefix))


def _differing(before: Mapping[_Form, Location], now: Location, prefix: str) -> Iterator[Hop]:
    same_file = [form for form, each in before.items() if each.file == now.file]
    old = dict((same_file or list(before))[0])
    new = dict(_form(now))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            node = _node(now, key)
            place = now.position if node is None else node.position
            yield hop_at(place, prefix, f"{key} changed")


def _step(location: Location, prefix: str, what: str) -> Hop:
    return hop_at(location.position, prefix, what)


def _node(location: Location, key: str) -> Node | None:
    if key == _FOLDER and location.build_directory is not None:
        return location.build_directory.node
    return location.node.get(*key.split("."))


def _form(location: Location) -> _Form:
    """The values by their dotted keys, in one order."""
    values = dict(_flat(without_nulls(location.node).plain(), ""))
    values[_FOLDER] = posixpath.normpath(location.build_folder)
    return tuple(sorted(values.items()))


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and (value or not key):
        for name, below in value.items():
            yield from _flat(below, f"{key}.{name}" if key else str(name))
    else:
        # A repr distinguishes 1, true and "1".
        yield key, repr(_ordered(value))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=repr)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
