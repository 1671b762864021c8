"""Copies a package without leftovers of builds, for backends that look for packages themselves.

setuptools refuses a project in which it finds a second folder beside the package: ``out``, say.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagstead.build.cache import link_or_copy
from dagstead.build.tree import files_below
from dagstead.repository.files.outputs import Outputs
from dagstead.repository.files.walk import repository_of


def cleared_of_outputs(package: Path, scratch: Path) -> Path:
    """The folder to build a package in: its own, where nothing of ours is in the way.

    Else a copy of it, with the rest of the repository around it, for what the package names by a
    path with ``../`` in it.
    """
    return copied(package, scratch) if _has_visible_outputs(package) else package


def copied(package: Path, scratch: Path) -> Path:
    """A folder in ``scratch`` with the files of a package that count for a build."""
    top = repository_of(package) or package
    here, there = top, scratch
    there.mkdir(parents=True)
    for name in package.relative_to(top).parts:
        _link_all(here, there, but=name)
        here, there = here / name, there / name
        there.mkdir()
    for each in files_below(package):
        target = there / each.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if each.is_link:
            target.symlink_to(each.path.readlink())
        else:
            link_or_copy(each.path, target)
    if (package / ".git").exists():
        # Backends that take the version from there.
        (there / ".git").symlink_to(package / ".git")
    return there


def _has_visible_outputs(package: Path) -> bool:
    """Whether a backend may take something of ours for a package; it skips hidden folders."""
    outputs = Outputs.below(package)
    for parent, folders, files in os.walk(package):
        inside = Path(parent).relative_to(package)
        folders[:] = [each for each in folders if not each.startswith(".")]
        names = (*folders, *files)
        # An output folder is made before there is anything in it.
        is_fresh = not names and inside.parent == Path()
        if is_fresh or any(outputs.is_own((inside / name).as_posix()) for name in names):
            return True
    return False


def _link_all(folder: Path, into: Path, *, but: str) -> None:
    for each in folder.iterdir():
        if each.name != but:
            (into / each.name).symlink_to(each)
