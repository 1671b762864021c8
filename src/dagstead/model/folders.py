"""Folders that our own programs make, which belong to no repository."""

from __future__ import annotations

#: Where the tool keeps what it has built and remembered of a repository.
OWN_FOLDER = ".dagstead"
#: Where ``dagstead up`` keeps a control plane, unless it is given another folder.
DATA_FOLDER = "dagstead-data"
