"""What the files of a folder say that it needs, as far as that shows without running anything.

The files are those that the official builder reads (``dagster_cloud_cli.core.pex_builder.deps``).
"""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

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


@dataclass(frozen=True, slots=True)
class Needs:
    """What a folder needs."""

    #: In their normal form; ``None`` where some of it cannot be known.
    names: frozenset[str] | None
    #: Packages that a lock file beside it or above has; ``None`` without one.
    locked: frozenset[str] | None

    def lack(self, name: str) -> bool:
        """Whether a package certainly is not named, and no lock file has it."""
        return self.names is not None and name not in self.names and name not in (self.locked or ())


def needs_of(folder: Path, top: Path) -> Needs:
    """What a folder needs, with the folders of the repository that it names by path."""
    try:
        names = frozenset(_Reader(top).names(folder))
    except _UnknownNeedsError:
        return Needs(names=None, locked=None)
    return Needs(names=names, locked=_locked(folder, top))


def is_read(folder: Path) -> bool:
    """Whether there is a file that may say what a folder needs."""
    return any((folder / each).is_file() for each in READ)


@dataclass(slots=True)
class _Reader:
    top: Path
    _pending: list[Path] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)

    def names(self, folder: Path) -> Iterator[str]:
        self._pending.append(folder)
        while self._pending:
            each = self._pending.pop().resolve()
            if each in self._seen:
                continue
            self._seen.add(each)
            if not each.is_relative_to(self.top.resolve()) or len(self._seen) > _MOST_FOLDERS:
                raise _UnknownNeedsError
            yield from self._of_folder(each)

    def _of_folder(self, folder: Path) -> Iterator[str]:
        if not is_read(folder):
            raise _UnknownNeedsError
        yield from self._of_pyproject(folder)
        if (folder / "setup.py").is_file():
            yield from self._lines(_of_setup_py(folder), folder)
        if (folder / "requirements.txt").is_file():
            yield from self._of_requirements(folder / "requirements.txt")

    def _of_pyproject(self, folder: Path) -> Iterator[str]:
        path = folder / "pyproject.toml"
        if not path.is_file():
            return
        document = _document(path)
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
        yield from self._with_sources(map(str, lines), _table(uv.get("sources")), folder)
        yield from self._of_poetry(_table(tool.get("poetry")), folder)
        if "project" not in document and "poetry" not in tool and "build-system" in document:
            yield from self._lines(_of_setup_cfg(folder), folder)

    def _with_sources(
        self, lines: Iterable[str], sources: Mapping[str, Any], folder: Path
    ) -> Iterator[str]:
        normal = {canonicalize_name(name): each for name, each in sources.items()}
        for line in lines:
            (name,) = self._lines([line], folder)
            source = _table(normal.get(canonicalize_name(name)))
            if "path" in source:
                self._pending.append(folder / str(source["path"]))
            elif name in normal:
                raise _UnknownNeedsError
            yield name

    def _of_poetry(self, poetry: Mapping[str, Any], folder: Path) -> Iterator[str]:
        tables = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
        tables += [
            _table(each).get("dependencies") for each in _table(poetry.get("group")).values()
        ]
        for table in map(_table, tables):
            for name, wanted in table.items():
                how = _table(wanted)
                if "path" in how:
                    self._pending.append(folder / str(how["path"]))
                elif {"git", "url"} & set(how) or isinstance(wanted, list):
                    raise _UnknownNeedsError
                yield canonicalize_name(name)

    def _of_requirements(self, path: Path) -> Iterator[str]:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _UnknownNeedsError from error
        if not text.strip():
            raise _UnknownNeedsError
        whole = re.sub(r"\\\r?\n", " ", text)
        lines = (re.sub(r"(?:^|\s)#.*", "", each).strip() for each in whole.splitlines())
        yield from self._lines((each for each in lines if each), path.parent)

    def _lines(self, lines: Iterable[str], folder: Path) -> Iterator[str]:
        for line in lines:
            included, local = _INCLUDED.match(line), _LOCAL.match(line)
            if included:
                yield from self._of_requirements(folder / included["path"])
            elif local:
                if posixpath.normpath(local["path"]) != ".":
                    self._pending.append(folder / local["path"])
            elif not _HARMLESS.match(line):
                yield _name(line)


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    if found is None or "@" in requirement or "://" in requirement:
        raise _UnknownNeedsError
    return canonicalize_name(found[1])


def _of_setup_py(folder: Path) -> list[str]:
    """What ``setup.py`` asks for, when it says so in constants."""
    try:
        tree = ast.parse((folder / "setup.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise _UnknownNeedsError from error
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


def _of_setup_cfg(folder: Path) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string((folder / "setup.cfg").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, configparser.Error) as error:
        raise _UnknownNeedsError from error
    texts = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        texts += parser["options.extras_require"].values()
    lines = [line.strip() for text in texts for line in text.splitlines()]
    if any(each.startswith("file:") for each in lines):
        raise _UnknownNeedsError
    return [each for each in lines if each and not each.startswith("#")]


def _locked(folder: Path, top: Path) -> frozenset[str] | None:
    """The packages of the lock files beside a folder and above it."""
    found: set[str] | None = None
    for each in (folder.resolve(), *folder.resolve().parents):
        for name in _LOCKS:
            document = _document(each / name) if (each / name).is_file() else None
            if document is not None:
                packages = document.get("package", document.get("packages", []))
                names = {canonicalize_name(str(_table(one).get("name"))) for one in packages}
                found = (found or set()) | names
        if each == top.resolve():
            break
    return None if found is None else frozenset(found)


def _document(path: Path) -> dict[str, Any] | None:
    """A document of TOML, ``None`` when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
