"""Which Pythons a folder's own files allow, in the words of every tool that has some for it.

Two kinds of files speak of it. What describes a package (``pyproject.toml``, ``setup.py``,
``setup.cfg``, ``uv.lock``) says where it can be installed, and no build may go against that. What
describes an environment (Pipfile, pixi, conda, mise) says where it is used: it counts as far as it
does not contradict the first kind, and gives way to ``--python``.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.pins import SUPPORTED
from dagstead.repository.python.ranges import from_conda, from_poetry
from dagstead.repository.python.setup_files import assigned, parsed
from dagstead.repository.python.uv_locks import UvLocks, table

#: Releases of a minor, more than there will be: ">=3.11.4" allows 3.11, "<3.12" no 3.12.
_PATCHES = range(40)


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonDemand:
    """What one file says."""

    #: The key and, where its name does not say it, the file: ``tool.poetry.dependencies.python``.
    key: str
    #: As it is written.
    written: str
    #: Any of them may hold.
    ranges: tuple[SpecifierSet, ...]
    _answers: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def allows(self, version: str) -> bool:
        """Whether some release of a minor, as ``3.12``, is allowed."""
        if version not in self._answers:
            releases = [f"{version}.{patch}" for patch in _PATCHES]
            self._answers[version] = any(
                each.contains(release) for each in self.ranges for release in releases
            )
        return self._answers[version]

    def __str__(self) -> str:
        """A sentence without a full stop."""
        return f"{self.key} is {self.written!r}"


def fitting(
    binding: Sequence[PythonDemand], others: Sequence[PythonDemand]
) -> tuple[tuple[PythonDemand, ...], list[str]]:
    """The demands that count, and the versions that all of them allow, as far as there are some.

    Args:
        binding: of packages.
        others: of environments, which give way where they do not fit.
    """
    candidates = [(*binding, *others), *([tuple(binding)] if binding else [])]
    for demands in candidates:
        allowed = [each for each in SUPPORTED if all(demand.allows(each) for demand in demands)]
        if allowed:
            return demands, allowed
    return tuple(binding or others), []


def none_fits(
    binding: Sequence[PythonDemand], others: Sequence[PythonDemand], folder: str
) -> tuple[str, str]:
    """What is wrong where there are none, and what to do: sentences without full stops."""
    said = " and ".join(map(str, binding or others))
    way_out = "Change what it asks for" if binding else "Change it, or choose one with --python"
    return f"No Python from {SUPPORTED[0]} to {SUPPORTED[-1]} fits: {said} in {folder!r}", way_out


def _from_standard(text: str) -> tuple[SpecifierSet, ...]:
    return (SpecifierSet(text),)


class DemandReader:
    """Reads what folders say. Every file is read once."""

    def __init__(self, documents: TomlFiles) -> None:
        """Take what was read already."""
        self._documents = documents
        self._locks = UvLocks(documents)
        self._known: dict[tuple[str, str], PythonDemand | None] = {}

    def of_package(self, folder: Path, names: Collection[str]) -> tuple[PythonDemand, ...]:
        """What the package in a folder can be installed with, and what uv has locked it for.

        Files that cannot be read say nothing.

        Args:
            folder: the folder.
            names: the names in it.
        """
        document = self._toml(folder, names, "pyproject.toml")
        tool = table(document.get("tool"))
        poetry = table(table(tool.get("poetry")).get("dependencies")).get("python")
        flit = table(table(tool.get("flit")).get("metadata")).get("requires-python")
        found = [
            self._demand("requires-python", table(document.get("project")).get("requires-python")),
            self._demand("tool.poetry.dependencies.python", _version(poetry), from_poetry),
            self._demand("tool.pdm.python_requires", table(tool.get("pdm")).get("python_requires")),
            self._demand("tool.flit.metadata.requires-python", flit),
        ]
        for name, read in (("setup.py", _of_setup_py), ("setup.cfg", _of_setup_cfg)):
            if name in names:
                found.append(self._demand(f"python_requires of {name}", read(folder / name)))
        locked = self._of_lock(folder)
        # A lock repeats what its own project says.
        if locked is not None and locked.written not in {each.written for each in found if each}:
            found.append(locked)
        return tuple(each for each in found if each is not None)

    def of_environments(self, folder: Path, names: Collection[str]) -> tuple[PythonDemand, ...]:
        """What the environments are made of that people use a folder in."""
        pipfile = table(self._toml(folder, names, "Pipfile").get("requires"))
        tool = table(self._toml(folder, names, "pyproject.toml").get("tool"))
        pixi = table(table(tool.get("pixi")).get("dependencies")).get("python")
        own_pixi = table(self._toml(folder, names, "pixi.toml").get("dependencies")).get("python")
        said = [
            ("python_version of Pipfile", pipfile.get("python_version")),
            ("python_full_version of Pipfile", pipfile.get("python_full_version")),
            ("tool.pixi.dependencies.python", _version(pixi)),
            ("dependencies.python of pixi.toml", _version(own_pixi)),
            *self._of_other_locks(folder, names),
        ]
        for name in ("mise.toml", ".mise.toml"):
            wanted = table(self._toml(folder, names, name).get("tools")).get("python")
            said.append((f"tools.python of {name}", _version(wanted)))
        if ".tool-versions" in names:
            said.append(("python of .tool-versions", _of_asdf(folder / ".tool-versions")))
        for name in ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml"):
            if name in names:
                said += [(f"python of {name}", each) for each in _of_conda(folder / name)]
        found = (self._demand(key, written, from_conda) for key, written in said)
        return tuple(each for each in found if each is not None)

    def _of_other_locks(self, folder: Path, names: Collection[str]) -> Iterator[tuple[str, object]]:
        pylock = self._toml(folder, names, "pylock.toml")
        pdm = table(self._toml(folder, names, "pdm.lock").get("metadata"))
        yield "requires-python of pylock.toml", pylock.get("requires-python")
        yield "requires_python of pdm.lock", pdm.get("requires_python")
        if "Pipfile.lock" in names:
            meta = table(table(_json(folder / "Pipfile.lock")).get("_meta"))
            written = table(meta.get("requires")).get("python_version")
            yield "python_version of Pipfile.lock", written

    def _of_lock(self, folder: Path) -> PythonDemand | None:
        lock = self._locks.of(folder)
        document = None if lock is None else self._documents.get(lock)
        written = (document or {}).get("requires-python")
        return self._demand("requires-python of uv.lock", written)

    def _toml(self, folder: Path, names: Collection[str], name: str) -> Mapping[str, Any]:
        return (self._documents.get(folder / name) if name in names else None) or {}

    def _demand(
        self,
        key: str,
        written: object,
        read: Callable[[str], tuple[SpecifierSet, ...]] = _from_standard,
    ) -> PythonDemand | None:
        if not isinstance(written, str):
            return None
        if (key, written) not in self._known:
            self._known[key, written] = _demand(key, written, read)
        return self._known[key, written]


def _demand(
    key: str, written: str, read: Callable[[str], tuple[SpecifierSet, ...]]
) -> PythonDemand | None:
    try:
        return PythonDemand(key=key, written=written, ranges=read(written))
    except InvalidSpecifier:
        # uv, or the tool whose key it is, reports it with the place.
        return None


def _of_setup_py(file: Path) -> str | None:
    """What a call ``setup(python_requires="…")`` has, read without running anything."""
    try:
        tree = parsed(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    if tree is None:
        return None
    constants = assigned(tree)
    given = (value for node in ast.walk(tree) for value in _given(node, "python_requires"))
    for each in given:
        value = constants.get(each.id) if isinstance(each, ast.Name) else each
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def _given(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a call, or a mapping that a call may take, gives for a name."""
    if isinstance(node, ast.Call):
        yield from (each.value for each in node.keywords if each.arg == name)
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == name:
                yield value


def _of_setup_cfg(file: Path) -> str | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return None
    for name in ("python_requires", "python-requires"):
        written = parser.get("options", name, fallback=None)
        if written is not None:
            return written.strip()
    return None


def _of_asdf(file: Path) -> str | None:
    """The first version that ``.tool-versions`` names."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    found = re.search(r"(?m)^python[ \t]+(\d+(?:\.\d+)+)", text)
    return found[1] if found else None


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _of_conda(file: Path) -> Iterator[str]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return
    listed = table(document).get("dependencies")
    for each in listed if isinstance(listed, list) else ():
        found = re.fullmatch(r"(?:[\w./-]+::)?python(?P<range>[\s=<>!~\[].*)", str(each).strip())
        if found:
            yield found["range"].strip()


def _version(value: Any) -> Any:
    """A text, or the one in ``{version = "…"}``."""
    return value.get("version") if isinstance(value, dict) else value
