"""What a repository says about its workflows by itself: whose CI, the branch, the Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagstead.errors import GitError, InvalidInputError
from dagstead.model.location import Kind
from dagstead.repository.ci.provider import FILE, FOLDER, Provider
from dagstead.repository.files import Project
from dagstead.repository.files.git import run_git
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.demands import DemandReader, PythonDemand, fitting
from dagstead.repository.python.pins import SUPPORTED, PythonPins
from dagstead.repository.workflows.options import USUAL_BRANCH, USUAL_PYTHON

_BRANCHES = ("main", "master", "trunk", "develop")


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
    folders = {
        each.name.value: (project.root / each.build_folder).resolve()
        for each in project.locations
        if each.kind is Kind.SERVERLESS
    }
    demands = _Demands.of(folders)
    counting, allowed = fitting(demands.of_packages, demands.of_environments)
    if not allowed:
        said = "; ".join(
            f"for {demands.owners[each]!r}, {each}" for each in dict.fromkeys(counting)
        )
        msg = (
            f"No Python from {SUPPORTED[0]} to {SUPPORTED[-1]} fits all locations of a workflow: "
            f"{said}. Choose one with --python, or deploy with --with dagstead, which builds every "
            "location for its own."
        )
        raise InvalidInputError(msg)
    pins = PythonPins()
    top = project.repository.resolve()
    pinned = {pins.nearest(folder, top) for folder in folders.values()} - {None}
    if len(pinned) == 1 and pinned <= set(allowed):
        return str(pinned.pop())
    newer = (each for each in allowed if _number(each) >= _number(USUAL_PYTHON))
    return next(newer, allowed[-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Demands:
    """What the locations of a workflow demand together."""

    of_packages: Sequence[PythonDemand]
    of_environments: Sequence[PythonDemand]
    #: The first location with each.
    owners: Mapping[PythonDemand, str]

    @classmethod
    def of(cls, folders: Mapping[str, Path]) -> _Demands:
        reader = DemandReader(TomlFiles())
        packages: list[PythonDemand] = []
        environments: list[PythonDemand] = []
        owners: dict[PythonDemand, str] = {}
        for name, folder in folders.items():
            there = [each.name for each in folder.iterdir()] if folder.is_dir() else []
            own = reader.of_package(folder, there), reader.of_environments(folder, there)
            packages += own[0]
            environments += own[1]
            owners = {**dict.fromkeys((*own[0], *own[1]), name), **owners}
        return cls(of_packages=packages, of_environments=environments, owners=owners)


def _answer(folder: Path, *words: str) -> str:
    """What git says; nothing where it is not installed, or ``folder`` is no repository."""
    try:
        code, answer, _ = run_git(folder, words)
    except GitError:
        return ""
    return "" if code else answer.decode("utf-8", errors="replace").strip()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))
