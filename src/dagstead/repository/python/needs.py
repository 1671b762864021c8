"""What the files of a folder say that it needs, as far as that shows without running anything.

The files are those that the official builder reads (``dagster_cloud_cli.core.pex_builder.deps``).
"""

from __future__ import annotations

import ast
import configparser
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.setup_files import parsed

#: The files that a builder looks for.
READ = ("pyproject.toml", "setup.py", "requirements.txt")
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|[\[<>=!~;(\s])")
_LOCAL = re.compile(
    r"(?:-e\s+|--editable[=\s]+)?(?:file:(?://)?)?(?P<path>\.{1,2}(?:/[^\s;\[]*)?)\s*$"
)
_INCLUDED = re.compile(r"(?:-r|--requirement)[=\s]*(?P<path>\S+)")
#: Options that change nothing about what is needed.
_HARMLESS = re.compile(r"(?:-c|--constraint|--hash|-i|--index-url|--no-|--only-|--pre|--prefer)")
_MOST_FOLDERS = 50


class _UnknownNeedsError(Exception):
    """Something that only a running tool finds out."""


class NeedsReader:
    """Finds what folders of a repository need. Every file is read once."""

    def __init__(self, top: Path, documents: TomlFiles) -> None:
        """Look at folders of a repository.

        Args:
            top: its own folder.
            documents: what was read already.
        """
        self._top = os.path.realpath(top)
        self._documents = documents
        self._own: dict[str, _OwnNeeds | None] = {}
        self._locked: dict[str, frozenset[str]] = {}

    def names(self, folder: Path) -> frozenset[str] | None:
        """The packages, in their normal form, with those of the folders that are named by path.

        ``None`` where some of it cannot be known.
        """
        names: set[str] = set()
        pending = [os.fspath(folder)]
        seen: set[str] = set()
        while pending:
            each = os.path.realpath(pending.pop())
            if each in seen:
                continue
            seen.add(each)
            own = self._own_needs(each) if self._is_inside(each) else None
            if own is None or len(seen) > _MOST_FOLDERS:
                return None
            names |= own.names
            pending += own.folders
        return frozenset(names)

    def locked(self, folder: Path) -> frozenset[str]:
        """The packages of the lock files beside a folder and above it."""
        return self._locked_at(os.path.realpath(folder))

    def _is_inside(self, folder: str) -> bool:
        return folder == self._top or folder.startswith(f"{self._top.rstrip('/')}/")

    def _own_needs(self, folder: str) -> _OwnNeeds | None:
        if folder not in self._own:
            try:
                self._own[folder] = _FolderReader(folder, self._documents).needs()
            except _UnknownNeedsError:
                self._own[folder] = None
        return self._own[folder]

    def _locked_at(self, folder: str) -> frozenset[str]:
        found = self._locked.get(folder)
        if found is None:
            above = posixpath.dirname(folder)
            is_last = folder in {self._top, above}
            found = frozenset() if is_last else self._locked_at(above)
            for name in _LOCKS:
                document = self._documents.get(posixpath.join(folder, name)) or {}
                packages = document.get("package", document.get("packages", []))
                found |= {canonicalize_name(str(_table(each).get("name"))) for each in packages}
            self._locked[folder] = found
        return found


def is_read(folder: str | Path) -> bool:
    """Whether there is a file that may say what a folder needs."""
    return any(_is_file(f"{folder}/{each}") for each in READ)


@dataclass(frozen=True, slots=True)
class _OwnNeeds:
    names: frozenset[str]
    #: Other folders that are named by path.
    folders: Sequence[str]


@dataclass(slots=True)
class _FolderReader:
    folder: str
    documents: TomlFiles
    _folders: list[str] = field(default_factory=list)
    _included: set[str] = field(default_factory=set)

    def needs(self) -> _OwnNeeds:
        if not is_read(self.folder):
            raise _UnknownNeedsError
        return _OwnNeeds(frozenset(self._names()), self._folders)

    def _names(self) -> Iterator[str]:
        yield from self._of_pyproject()
        if _is_file(f"{self.folder}/setup.py"):
            yield from self._lines(_of_setup_py(self.folder), self.folder)
        if _is_file(f"{self.folder}/requirements.txt"):
            yield from self._of_requirements(f"{self.folder}/requirements.txt")

    def _of_pyproject(self) -> Iterator[str]:
        path = f"{self.folder}/pyproject.toml"
        if not _is_file(path):
            return
        document = self.documents.get(path)
        if not document:
            raise _UnknownNeedsError
        project, tool = _table(document.get("project")), _table(document.get("tool"))
        dynamic = project.get("dynamic", [])
        if {"dependencies", "optional-dependencies"} & set(map(str, dynamic)):
            raise _UnknownNeedsError
        uv = _table(tool.get("uv"))
        if "index" in uv or "source" in _table(tool.get("poetry")):
            # What is in an index of one's own may bring anything.
            raise _UnknownNeedsError
        lines = [*project.get("dependencies", [])]
        for extra in _table(project.get("optional-dependencies")).values():
            lines += extra
        yield from self._with_sources(map(str, lines), _table(uv.get("sources")))
        yield from self._of_poetry(_table(tool.get("poetry")))
        if "project" not in document and "poetry" not in tool and "build-system" in document:
            yield from self._lines(_of_setup_cfg(self.folder), self.folder)

    def _with_sources(self, lines: Iterable[str], sources: Mapping[str, Any]) -> Iterator[str]:
        normal = {canonicalize_name(name): each for name, each in sources.items()}
        for line in lines:
            (name,) = self._lines([line], self.folder)
            source = _table(normal.get(canonicalize_name(name)))
            if "path" in source:
                self._add_folder(self.folder, source["path"])
            elif name in normal:
                raise _UnknownNeedsError
            yield name

    def _of_poetry(self, poetry: Mapping[str, Any]) -> Iterator[str]:
        # No builder takes groups, but for this one, which Poetry means by the first table.
        main = _table(_table(poetry.get("group")).get("main"))
        tables = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
        for table in map(_table, [*tables, main.get("dependencies")]):
            for name, wanted in table.items():
                how = _table(wanted)
                if "path" in how:
                    self._add_folder(self.folder, how["path"])
                elif {"git", "url"} & set(how) or isinstance(wanted, list):
                    raise _UnknownNeedsError
                yield canonicalize_name(name)

    def _of_requirements(self, path: str) -> Iterator[str]:
        normal = posixpath.normpath(path)
        if normal in self._included:
            return
        self._included.add(normal)
        text = _text(path)
        if not text.strip():
            raise _UnknownNeedsError
        whole = re.sub(r"\\\r?\n", " ", text)
        lines = (re.sub(r"(?:^|\s)#.*", "", each).strip() for each in whole.splitlines())
        yield from self._lines((each for each in lines if each), posixpath.dirname(path))

    def _lines(self, lines: Iterable[str], folder: str) -> Iterator[str]:
        for line in lines:
            included, local = _INCLUDED.match(line), _LOCAL.match(line)
            if included:
                yield from self._of_requirements(posixpath.join(folder, included["path"]))
            elif local:
                if posixpath.normpath(local["path"]) != ".":
                    self._add_folder(folder, local["path"])
            elif not _HARMLESS.match(line):
                yield _name(line)

    def _add_folder(self, base: str, path: object) -> None:
        self._folders.append(posixpath.join(base, str(path)))


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    if found is None or "@" in requirement or "://" in requirement:
        raise _UnknownNeedsError
    return canonicalize_name(found[1])


def _of_setup_py(folder: str) -> list[str]:
    """What ``setup.py`` asks for, when it says so in constants."""
    tree = parsed(_text(f"{folder}/setup.py"))
    if tree is None:
        raise _UnknownNeedsError
    calls = [each for each in ast.walk(tree) if _is_setup(each)]
    if len(calls) != 1 or not isinstance(calls[0], ast.Call):
        raise _UnknownNeedsError
    given = {each.arg: each.value for each in calls[0].keywords}
    if None in given:
        raise _UnknownNeedsError
    try:
        wanted = [ast.literal_eval(each) for each in _of(given, "install_requires")]
        extras = [ast.literal_eval(each) for each in _of(given, "extras_require")]
    except (ValueError, TypeError, SyntaxError) as error:
        raise _UnknownNeedsError from error
    if not wanted:
        return _of_setup_cfg(folder)
    flat = [*wanted, *(each for extra in extras for each in extra.values())]
    return [line for each in flat for line in ([each] if isinstance(each, str) else each)]


def _of(given: Mapping[str | None, ast.expr], key: str) -> list[ast.expr]:
    return [given[key]] if key in given else []


def _is_setup(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "setup"


def _of_setup_cfg(folder: str) -> list[str]:
    if not _is_file(f"{folder}/setup.cfg"):
        return []
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(f"{folder}/setup.cfg"))
    except configparser.Error as error:
        raise _UnknownNeedsError from error
    texts = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        texts += parser["options.extras_require"].values()
    lines = [line.strip() for text in texts for line in text.splitlines()]
    if any(each.startswith("file:") for each in lines):
        raise _UnknownNeedsError
    return [each for each in lines if each and not each.startswith("#")]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _UnknownNeedsError from error


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - asked of every location


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
