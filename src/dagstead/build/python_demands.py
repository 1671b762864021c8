"""Which Pythons a folder's own files allow, in the words of every tool that has some for it.

Two kinds of files speak of it. What describes a package (``pyproject.toml``, ``setup.py``,
``setup.cfg``, ``uv.lock``) says where it can be installed, and no build may go against that. What
describes an environment (Pipfile, pixi, conda) says where it is used: it counts as far as it does
not contradict the first kind, and gives way to ``--python``.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dagstead.build.python_ranges import from_conda, from_poetry
from dagstead.build.uv_workspaces import pyproject, table

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

    def allows(self, version: str) -> bool:
        """Whether some release of a minor, as ``3.12``, is allowed."""
        return any(
            each.contains(f"{version}.{patch}") for each in self.ranges for patch in _PATCHES
        )

    def __str__(self) -> str:
        """A sentence without a full stop."""
        return f"{self.key} is {self.written!r}"


def demands_of_packages(folder: Path) -> tuple[PythonDemand, ...]:
    """What the package in a folder can be installed with. Files that cannot be read say nothing."""
    document = pyproject(folder)
    tool = table(document.get("tool"))
    poetry = table(table(tool.get("poetry")).get("dependencies")).get("python")
    flit = table(table(tool.get("flit")).get("metadata")).get("requires-python")
    found = (
        _demand("requires-python", table(document.get("project")).get("requires-python")),
        _demand("tool.poetry.dependencies.python", _version(poetry), from_poetry),
        _demand("tool.pdm.python_requires", table(tool.get("pdm")).get("python_requires")),
        _demand("tool.flit.metadata.requires-python", flit),
        _demand("python_requires of setup.py", _of_setup_py(folder / "setup.py")),
        _demand("python_requires of setup.cfg", _of_setup_cfg(folder / "setup.cfg")),
    )
    return tuple(each for each in found if each is not None)


def demand_of_lock(lock: Path) -> PythonDemand | None:
    """What ``uv.lock`` was made for."""
    return _demand("requires-python of uv.lock", _toml(lock).get("requires-python"))


def demands_of_environments(folder: Path) -> tuple[PythonDemand, ...]:
    """What the environments are made of that people use a folder in."""
    pipfile = table(_toml(folder / "Pipfile").get("requires"))
    tool = table(pyproject(folder).get("tool"))
    pixi = table(table(tool.get("pixi")).get("dependencies")).get("python")
    own_pixi = table(_toml(folder / "pixi.toml").get("dependencies")).get("python")
    found = [
        _demand("python_version of Pipfile", pipfile.get("python_version"), from_conda),
        _demand("python_full_version of Pipfile", pipfile.get("python_full_version"), from_conda),
        _demand("tool.pixi.dependencies.python", _version(pixi), from_conda),
        _demand("dependencies.python of pixi.toml", _version(own_pixi), from_conda),
    ]
    for name in ("environment.yml", "environment.yaml"):
        found += [
            _demand(f"python of {name}", written, from_conda)
            for written in _of_conda(folder / name)
        ]
    return tuple(each for each in found if each is not None)


def _from_standard(text: str) -> tuple[SpecifierSet, ...]:
    return (SpecifierSet(text),)


def _demand(
    key: str, written: Any, read: Callable[[str], tuple[SpecifierSet, ...]] = _from_standard
) -> PythonDemand | None:
    if not isinstance(written, str):
        return None
    try:
        return PythonDemand(key=key, written=written, ranges=read(written))
    except InvalidSpecifier:
        # uv, or the tool whose key it is, reports it with the place.
        return None


def _of_setup_py(file: Path) -> str | None:
    """What a call ``setup(python_requires="…")`` has, read without running anything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            if keyword.arg != "python_requires":
                continue
            value = keyword.value
            if isinstance(value, ast.Name):
                value = constants.get(value.id, value)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return None


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


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # Whoever uses it reports what cannot be read, with the place.
        return {}
