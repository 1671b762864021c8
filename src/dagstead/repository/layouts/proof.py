"""Whether two readings of a repository are the same locations."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from dagstead.model.location import Kind, Location
from dagstead.repository.files.merge import without_nulls
from dagstead.repository.files.project import Project

#: What `dg plus deploy configure` writes as the registry where it is given none.
NO_REGISTRY = "..."


def meaning(location: Location) -> Mapping[str, object]:
    """Everything that a location is, whichever file says it: paths from the root."""
    written: dict[Any, Any] = without_nulls(location.node).plain()
    build = written.pop("build", None)
    if isinstance(build, dict):
        written |= {f"build.{key}": value for key, value in build.items() if key != "directory"}
    written["kind"] = str(location.kind)
    if location.build_directory is not None or location.kind is not Kind.PREBUILT:
        written["build.directory"] = posixpath.normpath(location.build_folder)
    if _has_no_registry_yet(location):
        del written["build.registry"], written["kind"]
    return {str(key): _canonical(value) for key, value in written.items()}


def differing(one: Location, other: Location) -> list[str]:
    """The keys in which two locations differ."""
    first, second = meaning(one), meaning(other)
    keys = {*first, *second}
    if _has_no_registry_yet(one) or _has_no_registry_yet(other):
        keys.discard("kind")
    return sorted(key for key in keys if first.get(key, ...) != second.get(key, ...))


def _has_no_registry_yet(location: Location) -> bool:
    """Whether its registry is what dg writes for none, which says nothing of its kind."""
    return location.registry is not None and location.registry.value == NO_REGISTRY


def differences(before: Project, after: Project, *, package_is_module: bool = False) -> list[str]:
    """How the locations of two readings differ, as sentences; none when they are the same.

    Args:
        before: one reading.
        after: the other.
        package_is_module: whether ``package_name`` and ``module_name`` of one value are the same.
            Dagster imports either with the same function.
    """
    old = {each.name.value: each for each in before.locations}
    new = {each.name.value: each for each in after.locations}
    found = [f"{name!r} would be lost." for name in old if name not in new]
    found += [f"{name!r} would be new." for name in new if name not in old]
    for name, location in old.items():
        keys = differing(location, new[name]) if name in new else []
        if package_is_module and _imports(location) == _imports(new.get(name)):
            keys = [each for each in keys if each != "code_source"]
        if keys:
            found.append(f"{name!r} would differ in {', '.join(keys)}.")
    return found


def _imports(location: Location | None) -> str | None:
    source = None if location is None else location.code_source
    if source is None or source.by not in {"package_name", "module_name"}:
        return None
    return source.target.value


def _canonical(value: object) -> object:
    """The same for values that are equal and of the same types: 1, 1.0 and True are three."""
    if isinstance(value, dict):
        return frozenset((type(key), key, _canonical(each)) for key, each in value.items())
    if isinstance(value, list):
        return tuple(_canonical(each) for each in value)
    if isinstance(value, bytes):
        # Text to the official command line.
        value = value.decode("utf-8", errors="surrogateescape")
    return type(value).__name__, repr(value)
