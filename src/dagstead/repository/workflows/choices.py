"""What a repository says about its workflows by itself: whose CI, the branch, the Python."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dagstead.errors import GitError, InvalidInputError
from dagstead.model.location import Kind
from dagstead.repository.ci.provider import FILE, FOLDER, Provider
from dagstead.repository.files import Project
from dagstead.repository.files.git import run_git
from dagstead.repository.workflows.options import USUAL_BRANCH, USUAL_PYTHON

#: What the official builder builds for.
_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_BRANCHES = ("main", "master", "trunk", "develop")
_PINNED = re.compile(r"(?:cpython-|cpython@)?(?P<version>3\.\d+)(?![\d])")
_SETUP = re.compile(r"python_requires\s*=\s*[\"'](?P<written>[^\"']+)[\"']")
_CARET = re.compile(r"[\^~]\s*(?P<major>\d+)\.(?P<minor>\d+)(?P<rest>[\d.]*)")


def branch_of(project: Project) -> str:
    """The branch that is deployed: the default one of the remote, as far as git knows it.

    Without a remote, the one that is checked out if it has a usual name, or another that has.
    """
    folder = project.repository
    default = _answer(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if default:
        return default.removeprefix("origin/")
    current = _answer(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if current in _BRANCHES:
        return current
    refs = ("refs/heads", "refs/remotes/origin")
    there = _answer(folder, "for-each-ref", "--format=%(refname:lstrip=-1)", *refs).split()
    return next((each for each in _BRANCHES if each in there), USUAL_BRANCH)


def provider_of(project: Project) -> Provider:
    """Whose CI it has: GitLab where there is a pipeline of it and no workflow of GitHub."""
    has_workflows = any((project.repository / FOLDER).glob("*.y*ml"))
    is_gitlab = (project.repository / FILE).is_file() and not has_workflows
    return Provider.GITLAB if is_gitlab else Provider.GITHUB


def python_of(project: Project) -> str:
    """The Python of PEX files that every serverless location allows, as ``3.12``.

    It is 3.11 where nothing speaks against it, otherwise the next newer one, or the newest older.

    Raises:
        InvalidInputError: when there is none for all of them.
    """
    demands = [each for location in _serverless(project) for each in _demands(location)]
    allowed = [each for each in _PYTHONS if all(demand.allows(each) for demand in demands)]
    if not allowed:
        said = ", ".join(dict.fromkeys(f"{each.name!r} needs {each.written!r}" for each in demands))
        msg = (
            f"No Python from {_PYTHONS[0]} to {_PYTHONS[-1]} is one for all locations of a "
            f"workflow: {said}. Choose one with --python, or deploy with --with dagstead, which "
            "builds every location for its own."
        )
        raise InvalidInputError(msg)
    pinned = {
        version for location in _serverless(project) for version in _pinned(project, location)
    }
    if len(pinned) == 1 and pinned <= set(allowed):
        return pinned.pop()
    newer = (each for each in allowed if _number(each) >= _number(USUAL_PYTHON))
    return next(newer, allowed[-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Demand:
    #: The location.
    name: str
    #: As it is written.
    written: str
    specifier: SpecifierSet

    def allows(self, version: str) -> bool:
        # Some release of the minor: ">=3.11.4" allows 3.11, "<3.12" does not allow 3.12.
        return any(self.specifier.contains(f"{version}.{patch}") for patch in range(40))


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str
    path: Path


def _serverless(project: Project) -> Iterator[_Folder]:
    for each in project.locations:
        if each.kind is Kind.SERVERLESS:
            yield _Folder(each.name.value, project.root / each.build_folder)


def _demands(folder: _Folder) -> Iterator[_Demand]:
    for written in _written(folder.path):
        specifier = _specifier(written)
        if specifier is not None:
            yield _Demand(name=folder.name, written=written, specifier=specifier)


def _written(folder: Path) -> Iterator[str]:
    """What the files of a package say that it needs."""
    document = _toml(folder / "pyproject.toml")
    project = _value(document, "project", "requires-python")
    poetry = _value(document, "tool", "poetry", "dependencies", "python")
    if isinstance(project, str):
        yield project
    elif isinstance(poetry, str):
        yield poetry
    found = _SETUP.search(_text(folder / "setup.py"))
    if found:
        yield found["written"]
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read_string(_text(folder / "setup.cfg"))
    except configparser.Error:
        return
    if settings.has_option("options", "python_requires"):
        yield settings.get("options", "python_requires")


def _specifier(written: str) -> SpecifierSet | None:
    """The versions that a text allows, in the words of Python's standards or of Poetry."""
    parts = []
    for each in written.split(","):
        caret = _CARET.fullmatch(each.strip())
        if caret:
            above = "4" if each.strip().startswith("^") else f"3.{int(caret['minor']) + 1}"
            parts.append(f">={caret['major']}.{caret['minor']}{caret['rest']},<{above}")
        else:
            parts.append(each.strip())
    try:
        return SpecifierSet(",".join(parts))
    except InvalidSpecifier:
        return None


def _pinned(project: Project, folder: _Folder) -> Iterator[str]:
    """The nearest ``.python-version`` from the folder up to the top of the repository."""
    top = project.repository.resolve()
    start = folder.path.resolve()
    for each in (start, *start.parents):
        lines = _text(each / ".python-version").split("\n")
        found = _PINNED.match(lines[0].strip())
        if found:
            yield found["version"]
            return
        if each == top:
            return


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def _value(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _answer(folder: Path, *words: str) -> str:
    """What git says; nothing where it is not installed, or ``folder`` is no repository."""
    try:
        code, answer, _ = run_git(folder, words)
    except GitError:
        return ""
    return "" if code else answer.decode("utf-8", errors="replace").strip()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))
