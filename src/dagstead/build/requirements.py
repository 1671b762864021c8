"""What a location needs: its files resolved by uv into packages to fetch and folders to build."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from dagstead.build.legacy_builds import is_poetry_application, prepared
from dagstead.build.pip_files import names_more_indexes
from dagstead.build.tree import tidied
from dagstead.build.uv import PythonTarget, RequirementFiles, Uv
from dagstead.errors import BuildError, StaleLockError
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.uv_locks import UvLocks, pyproject, table, uv_table

#: uv takes no other name for this kind of file.
_LOCK = "pylock.toml"
_FETCHED = "pylock.fetched.toml"

#: grpcio-health-checking 1.82 was made for protobuf 7 and does not say so, and Dagster takes older
#: ones only: the code server fails on import. The official builder has the same line
#: (``dagster_cloud_cli.core.pex_builder.deps``, 1.13.27).
_CONSTRAINTS = "grpcio-health-checking<1.82\n"

#: That of the oldest agents that the control plane is tested with.
OLDEST_DAGSTER = Version("1.11")

#: Without them no code server can start.
_NEEDED = ("dagster", "dagster-cloud")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """The resolved needs of a location."""

    #: A lock of the packages to fetch, for uv. Lives as long as the scratch folder.
    lock: Path
    #: The same for the same packages, Python and platform.
    key: str
    #: Folders with packages of the repository, the location's own first.
    local: tuple[Path, ...]
    #: How many packages are fetched.
    count: int


def resolve(
    directory: Path,
    target: PythonTarget,
    uv: Uv,
    scratch: Path,
    warn: Callable[[str], object],
) -> Requirements:
    """Resolve what the files of a folder ask for.

    A ``uv.lock`` is taken as it is, if it fits. Else ``requirements.txt``, what ``setup.py``
    declares, and what ``pyproject.toml`` does with its extras, are resolved together, as the
    official builder does (``dagster_cloud_cli.core.pex_builder.deps``).

    ``warn`` is called with sentences about what people want to put right.

    Raises:
        BuildStepError: with uv's words, when it cannot be resolved.
        BuildError: when Dagster is not in it, or is too old.
    """
    lock = scratch / _LOCK
    sources = _sources(directory)
    own = is_own_package(directory)
    cleared = prepared(directory, scratch / "cleared")
    if not _take_lock(directory, target, uv, lock, warn):
        if sources:
            constraints = scratch / "constraints.txt"
            constraints.write_text(_CONSTRAINTS, encoding="utf-8")
            asked = RequirementFiles(
                folder=cleared,
                names=sources,
                constraints=constraints,
                # pip's files mean what pip makes of them.
                is_union=names_more_indexes(directory / "requirements.txt"),
            )
            with tidied(directory):
                uv.resolve(directory, asked, target, lock)
        else:
            lock.write_text('lock-version = "1.0"\ncreated-by = "dagstead"\n', encoding="utf-8")
    head, packages = _read(lock)
    local = {directory: None} if own else {}
    fetched = []
    for package in packages:
        folder = package.folder(scratch)
        if folder is None:
            fetched.append(package)
            continue
        if folder.is_relative_to(cleared.resolve()):
            folder = directory / folder.relative_to(cleared.resolve())
        if is_package(folder):
            local.setdefault(folder)
    _check_dagster(directory, packages, local)
    (scratch / _FETCHED).write_text(
        head + "".join(package.text for package in fetched), encoding="utf-8"
    )
    return Requirements(
        lock=scratch / _FETCHED,
        key=_key(fetched, target),
        local=tuple(local),
        count=len(fetched),
    )


def is_package(folder: Path) -> bool:
    """Whether a folder that is required by its path is one that can be built into a wheel."""
    if uv_table(pyproject(folder)).get("package") is False or is_poetry_application(folder):
        return False
    # Without a build system, setuptools takes what it finds; a table of tools only is nothing.
    return "project" in pyproject(folder) or _has_build_system(folder)


def is_own_package(directory: Path) -> bool:
    """The same of a build folder, where nobody asks for it: an application is none.

    As for uv, a ``[project]`` without ``[build-system]`` is an application: its modules are found
    from the folder itself. Only what setuptools was told to find elsewhere is built nevertheless,
    as the official builder does.
    """
    document = pyproject(directory)
    settings = uv_table(document)
    if isinstance(settings.get("package"), bool):
        return bool(settings["package"])
    if is_poetry_application(directory):
        return False
    if _has_build_system(directory):
        return True
    told = "setuptools" in table(document.get("tool"))
    return "project" in document and (told or _has_code_in_src(directory))


def _has_build_system(folder: Path) -> bool:
    return (folder / "setup.py").is_file() or "build-system" in pyproject(folder)


def _has_code_in_src(folder: Path) -> bool:
    """Whether setuptools finds the layout ``src``, whose modules nothing else would find."""
    source = folder / "src"
    return any(source.glob("*.py")) or any(source.glob("*/*.py"))


@dataclass(frozen=True, slots=True)
class _Package:
    text: str
    table: Mapping[str, Any]

    @property
    def name(self) -> str:
        return canonicalize_name(str(self.table["name"]))

    @property
    def version(self) -> Version | None:
        """``None`` for one that is built from a folder."""
        written = self.table.get("version")
        return None if written is None else Version(str(written))

    def folder(self, scratch: Path) -> Path | None:
        """The folder of a package that is in the repository."""
        path = table(self.table.get("directory")).get("path")
        return None if path is None else (scratch / path).resolve()

    def identity(self) -> Iterator[str]:
        """What it is, wherever it comes from and wherever this file lies."""
        yield self.name
        yield str(self.table.get("version"))
        yield str(self.table.get("marker"))
        yield str(table(self.table.get("vcs")).get("commit-id"))
        for kind in ("wheels", "sdist", "archive"):
            files = self.table.get(kind, [])
            for each in files if isinstance(files, list) else [files]:
                yield from sorted(str(value) for value in table(each.get("hashes")).values())


def _read(lock: Path) -> tuple[str, list[_Package]]:
    head, *blocks = re.split(r"(?m)^(?=\[\[packages\]\]$)", lock.read_text(encoding="utf-8"))
    return head, [_Package(block, tomllib.loads(block)["packages"][0]) for block in blocks]


def _key(packages: Sequence[_Package], target: PythonTarget) -> str:
    digest = hashlib.sha256(repr(target.identity).encode())
    for package in sorted(packages, key=lambda each: each.name):
        digest.update("\0".join(package.identity()).encode() + b"\n")
    return digest.hexdigest()


def _where_to_add(directory: Path) -> str:
    """The file in which somebody would add a dependency."""
    names = ("pyproject.toml", "setup.py", "requirements.txt")
    used = _sources(directory) or [each for each in names if (directory / each).is_file()]
    return " or ".join(used or names)


def _sources(directory: Path) -> tuple[str, ...]:
    document = pyproject(directory)
    found = []
    if "project" in document or "poetry" in table(document.get("tool")):
        found.append("pyproject.toml")
    elif (directory / "setup.py").is_file():
        found.append("setup.py")
    elif (directory / "setup.cfg").is_file() and "build-system" in document:
        found.append("setup.cfg")
    if (directory / "requirements.txt").is_file():
        found.append("requirements.txt")
    return tuple(found)


def _take_lock(
    directory: Path, target: PythonTarget, uv: Uv, lock: Path, warn: Callable[[str], object]
) -> bool:
    """Use ``uv.lock``, where there is one that fits."""
    locked = UvLocks(TomlFiles()).of(directory)
    if locked is None:
        return False
    try:
        uv.export(directory, target, lock)
    except StaleLockError as error:
        warn(
            f"{error.message} So what {directory.name!r} asks for is resolved anew. Run `uv lock`, "
            "and commit what it writes."
        )
        return False
    return True


def _check_dagster(
    directory: Path, packages: Sequence[_Package], local: Mapping[Path, None]
) -> None:
    names = {package.name for package in packages}
    own = {
        canonicalize_name(str(name))
        for folder in local
        if (name := table(pyproject(folder).get("project")).get("name"))
    }
    missing = [name for name in _NEEDED if name not in names | own]
    if missing:
        pronoun = "it" if len(missing) == 1 else "both"
        msg = (
            f"The dependencies of {directory.name!r} do not include {' or '.join(missing)}, "
            f"without which no code server can start. Add {pronoun} to {_where_to_add(directory)} "
            "there."
        )
        raise BuildError(msg)
    version = next((each.version for each in packages if each.name == "dagster"), None)
    if version is not None and version < OLDEST_DAGSTER:
        msg = (
            f"The dependencies of {directory.name!r} resolve to Dagster {version}, and Dagstead "
            f"works with {OLDEST_DAGSTER} and later. Ask for dagster>={OLDEST_DAGSTER}; uv then "
            "says what holds it back, or which index has no newer one."
        )
        raise BuildError(msg)
