"""Packages whose files lack what uv wants of them: old scripts, and applications of Poetry."""

from __future__ import annotations

import re
from pathlib import Path

from dagstead.build.build_leftovers import cleared_of_outputs, copied
from dagstead.repository.python.uv_locks import pyproject, table

#: The official builder runs such a script in an environment that has all three, and uv gives it
#: setuptools only. From 82 on that has no pkg_resources, which these scripts like to import.
_BUILD_SYSTEM = """
[build-system]
requires = ["setuptools>=40.8,<82", "wheel", "pip"]
build-backend = "setuptools.build_meta:__legacy__"
"""
#: Without it uv takes setuptools, which does not know what Poetry was asked for.
_POETRY = """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
_NO_PACKAGE = re.compile(r"(?m)^(?P<key>[ \t]*package-mode[ \t]*=[ \t]*)false\b")


def prepared(package: Path, scratch: Path) -> Path:
    """The folder to build a package in: its own, or a copy in ``scratch`` with what it lacks."""
    cleared = cleared_of_outputs(package, scratch)
    file = package / "pyproject.toml"
    if file.is_file() and not pyproject(package):
        # uv reports what cannot be read.
        return cleared
    written = file.read_text(encoding="utf-8") if file.is_file() else ""
    whole = _completed(package, written)
    if whole == written:
        return cleared
    folder = copied(package, scratch) if cleared == package else cleared
    completed = folder / file.name
    # It may be a link to the original.
    completed.unlink(missing_ok=True)
    completed.write_text(whole, encoding="utf-8")
    return folder


def is_poetry_application(package: Path) -> bool:
    """Whether Poetry was told that a folder is no package."""
    return table(table(pyproject(package).get("tool")).get("poetry")).get("package-mode") is False


def _completed(package: Path, written: str) -> str:
    document = pyproject(package)
    has_system = "build-system" in document
    if (package / "setup.py").is_file():
        return written if has_system else written + _BUILD_SYSTEM
    poetry = table(table(document.get("tool")).get("poetry"))
    if not poetry or "project" in document:
        return written
    if poetry.get("package-mode") is False:
        # Its backend lists the dependencies of packages only, which have a name and a version.
        named = {"name": "application", "version": "0"}
        lines = [f'{key} = "{value}"' for key, value in named.items() if key not in poetry]
        written = _NO_PACKAGE.sub("\n".join([r"\g<key>true", *lines]), written)
    return written if has_system else written + _POETRY
