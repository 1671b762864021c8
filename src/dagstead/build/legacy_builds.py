"""Packages with a ``setup.py`` that names no build system, as scripts of before PEP 518."""

from __future__ import annotations

from pathlib import Path

from dagstead.build.build_leftovers import cleared_of_outputs, copied
from dagstead.repository.python.uv_locks import pyproject

#: The official builder runs such a script in an environment that has all three, and uv gives it
#: setuptools only. From 82 on that has no pkg_resources, which these scripts like to import.
_BUILD_SYSTEM = """
[build-system]
requires = ["setuptools>=40.8,<82", "wheel", "pip"]
build-backend = "setuptools.build_meta:__legacy__"
"""


def prepared(package: Path, scratch: Path) -> Path:
    """The folder to build a package in: its own, or a copy in ``scratch`` with what it lacks."""
    cleared = cleared_of_outputs(package, scratch)
    document = pyproject(package)
    file = package / "pyproject.toml"
    if not (package / "setup.py").is_file() or "build-system" in document:
        return cleared
    if file.is_file() and not document:
        # uv reports what cannot be read.
        return cleared
    folder = copied(package, scratch) if cleared == package else cleared
    written = file.read_text(encoding="utf-8") if file.is_file() else ""
    completed = folder / file.name
    # It may be a link to the original.
    completed.unlink(missing_ok=True)
    completed.write_text(written + _BUILD_SYSTEM, encoding="utf-8")
    return folder
