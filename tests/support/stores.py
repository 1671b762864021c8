"""Stores on SQLite that are made quickly: the migrations have run once, for all of them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from dagstead.plane.clock import Clock
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database


def empty_store(folder: Path, clock: Clock, *, file: str = "plane.db") -> Store:
    """A store with nothing in it, in a folder."""
    migrated(folder / file)
    return open_store(
        database_url=f"sqlite:///{folder / file}", blobs_folder=folder / "blobs", clock=clock
    )


def migrated(file: Path) -> None:
    """Make an empty database of the newest schema."""
    file.write_bytes(_empty_database())


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        database = Database(f"sqlite:///{file}")
        database.migrate()
        database.close()
        return file.read_bytes()
