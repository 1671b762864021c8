"""Which locations a change touches, and why.

:func:`find_changes` compares the present with an earlier commit. A location is touched when a path
that it is made from differs, or when its configuration entry means something else. What it is made
from follows from its files: the folder that is built, what its Dockerfile copies, packages that
are required by path, and theirs in turn. What cannot be known counts as touched, with the reason.

``git`` is the only module that starts git; ``files`` the only one that reads the work tree. No code
of the repository is run.
"""

from __future__ import annotations

from dagstead.repository.changes.additions import Additions
from dagstead.repository.changes.files import Files, FilesOnDisk
from dagstead.repository.changes.finding import find_changes
from dagstead.repository.changes.made import made_from
from dagstead.repository.changes.model import Changes, Gone, Reason, Touched
from dagstead.repository.changes.parts import Edge, Glob, Part, Step, Tree
from dagstead.repository.changes.present import Question

__all__ = [
    "Additions",
    "Changes",
    "Edge",
    "Files",
    "FilesOnDisk",
    "Glob",
    "Gone",
    "Part",
    "Question",
    "Reason",
    "Step",
    "Touched",
    "Tree",
    "find_changes",
    "made_from",
]
