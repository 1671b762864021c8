"""Which locations a change touches, and why.

:func:`find_changes` compares the present with an earlier commit. A location is touched when a path
that it is made from differs, or when its configuration entry means something else. What it is made
from follows from its files: the folder that is built, what its Dockerfile copies, packages that
are required by path, and theirs in turn. What cannot be known counts as touched, with the reason.

``git`` is the only module that starts git; ``files`` the only one that reads the work tree. No code
of the repository is run.
"""

from __future__ import annotations

from dagstead.repository.changes.comparison import ChangesQuery
from dagstead.repository.changes.extra_facts import Additions
from dagstead.repository.changes.files import Files, FilesOnDisk
from dagstead.repository.changes.location_parts import made_from
from dagstead.repository.changes.model import (
    ChangeReason,
    Changes,
    RemovedLocation,
    TouchedLocation,
)
from dagstead.repository.changes.parts import Edge, Glob, Hop, Part, Subtree
from dagstead.repository.changes.touched_locations import find_changes

__all__ = [
    "Additions",
    "ChangeReason",
    "Changes",
    "ChangesQuery",
    "Edge",
    "Files",
    "FilesOnDisk",
    "Glob",
    "Hop",
    "Part",
    "RemovedLocation",
    "Subtree",
    "TouchedLocation",
    "find_changes",
    "made_from",
]
