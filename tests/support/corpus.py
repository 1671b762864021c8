"""Real repositories' configuration, which is read and never copied."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from tests.support.environments import REPOSITORY
from tests.support.git import git

_VARIABLE = "DAGSTEAD_CORPUS"
#: A folder with fewer is not the corpus.
FEWEST_REPOSITORIES = 50
#: Lists the paths of the whole repository; a few have none.
LISTING = "_TREE.txt"

#: What stands in for a file whose text the corpus lacks, where an empty one would be a fault: its
#: dependencies are not known.
_STAND_INS = {
    "dg.toml": 'directory_type = "workspace"\n\n[workspace]\n',
    "pyproject.toml": '[project]\nname = "stand-in"\nversion = "0"\ndynamic = ["dependencies"]\n',
    "requirements.txt": "dagster-cloud\n",
}
_DG_PROJECT = (
    '\n[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "{module}"\n'
)
#: A folder with one of these is a project of dg.
_BESIDE_DG = frozenset({"build.yaml", "container_context.yaml"})


def corpus_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Where real repositories lie: beside the clone unless the variable says so."""
    return Path(variables.get(_VARIABLE) or REPOSITORY.parent / "shared" / "corpus")


def repositories_in(folder: Path) -> list[Path]:
    """The folders of real repositories.

    Raises:
        FileNotFoundError: with how to provide them, when they are not there.
    """
    found = sorted(entry for entry in folder.glob("*") if entry.is_dir())
    if len(found) < FEWEST_REPOSITORIES:
        msg = (
            f"The corpus is not in {str(folder)!r}: it has {len(found)} folders, and there are at "
            f"least {FEWEST_REPOSITORIES} real repositories. Set {_VARIABLE} to the folder that "
            f"holds one folder for each repository, or leave these tests out: "
            f'make test PYTEST_ARGS="--without-corpus"'
        )
        raise FileNotFoundError(msg)
    return found


def stand_in(repository: Path, folder: Path) -> Path:
    """Make a repository that git keeps, with the files there are and stand-ins for all others.

    Args:
        repository: a folder of the corpus.
        folder: where to make it.

    Returns:
        The new folder. It is called as a clone is, for locations can be called after it, and lies
        in one that is called after the owner.
    """
    made = folder.joinpath(*repository.name.split("+", 1))
    made.mkdir(parents=True)
    for path in _listed(repository):
        _write(made / path, _stand_in_for(path, repository).encode())
    for original in _files_below(repository):
        _write(made / original.relative_to(repository), original.read_bytes())
    git(made, "init", "--quiet", "--initial-branch", "main")
    git(made, "add", "--all", "--force")
    return made


def _files_below(repository: Path) -> Iterator[Path]:
    return (each for each in repository.rglob("*") if each.is_file() and each.name != LISTING)


def _listed(repository: Path) -> list[PurePosixPath]:
    listing = repository / LISTING
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    return [PurePosixPath(line) for line in lines if line]


def _stand_in_for(path: PurePosixPath, repository: Path) -> str:
    text = _STAND_INS.get(path.name, "")
    if path.name == "pyproject.toml" and any(
        (repository / path.parent / each).exists() for each in _BESIDE_DG
    ):
        listed = _listed(repository)
        packages = [each.parent.name for each in listed if each.name == "__init__.py"]
        text += _DG_PROJECT.format(module=packages[0] if packages else "stand_in")
    return text


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
