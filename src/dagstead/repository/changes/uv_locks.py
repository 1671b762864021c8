"""Lock files that are shared: which packages of a ``uv.lock`` matter to one package."""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

#: Lock files that hold for the folders below them, too.
LOCK_FILES = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "requirements.lock",
    "requirements-dev.lock",
)


class UvLock:
    """The packages of a ``uv.lock``."""

    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self._named: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._folders: dict[str, str] = {}
        for each in packages:
            name = str(each.get("name"))
            self._named[name].append(each)
            source = each.get("source")
            for kind in ("editable", "virtual", "directory"):
                path = source.get(kind) if isinstance(source, dict) else None
                if isinstance(path, str):
                    self._folders[posixpath.normpath(path)] = name

    def package_at(self, folder: str) -> str | None:
        """The name of the package of a folder, relative to the lock's own."""
        return self._folders.get(folder)

    def reached(self, name: str) -> Mapping[str, str]:
        """What is said of a package and of all that it needs, by name, in one form."""
        found: dict[str, str] = {}
        pending = [name]
        while pending:
            current = pending.pop()
            if current in found:
                continue
            packages = self._named.get(current, [])
            found[current] = "\n".join(
                sorted(json.dumps(each, sort_keys=True, default=str) for each in packages)
            )
            pending += (each for package in packages for each in _needed(package))
        return found

    def version(self, name: str) -> str:
        """The versions of a package, for people."""
        versions = [str(each.get("version", "")) for each in self._named.get(name, [])]
        return ", ".join(each for each in versions if each)


def read_uv_lock(data: bytes | None) -> UvLock | None:
    """The packages of a lock file, ``None`` when it cannot be read."""
    if data is None:
        return None
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None
    packages = document.get("package", [])
    if not isinstance(packages, list):
        return None
    return UvLock([each for each in packages if isinstance(each, dict)])


def lock_difference(before: UvLock, after: UvLock, folder: str) -> tuple[str, ...] | None:
    """The packages that differ for a folder, with their versions; ``None`` when it has no package.

    Empty when nothing of what it needs differs.
    """
    name = after.package_at(folder)
    if name is None or before.package_at(folder) != name:
        return None
    then, now = before.reached(name), after.reached(name)
    differing = [
        each for each in sorted(then.keys() | now.keys()) if then.get(each) != now.get(each)
    ]
    return tuple(_difference(each, before, after) for each in differing)


def _difference(name: str, before: UvLock, after: UvLock) -> str:
    old, new = before.version(name), after.version(name)
    return name if old == new else f"{name} {old or '(none)'} -> {new or '(none)'}"


def _needed(package: dict[str, Any]) -> Iterator[str]:
    groups: list[Any] = [package.get("dependencies")]
    for key in ("optional-dependencies", "dev-dependencies"):
        table = package.get(key)
        groups += table.values() if isinstance(table, dict) else ()
    for group in groups:
        for each in group if isinstance(group, list) else ():
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                yield each["name"]
