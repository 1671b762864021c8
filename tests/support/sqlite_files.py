"""A fault of SQLite's: files that cannot be opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dagstead.engine.instances import Instances


@dataclass(frozen=True)
class SqliteFiles:
    """The databases of a folder, each of which a folder can be put in place of.

    What is open stays so: close it after ``take``.
    """

    folder: Path

    def take(self) -> None:
        """From now on none of them can be opened."""
        for file in list(self.folder.rglob("*.db")):
            file.rename(file.with_suffix(".kept"))
            file.mkdir()

    def bring(self) -> None:
        """Put them back."""
        for kept in list(self.folder.rglob("*.kept")):
            file = kept.with_suffix(".db")
            file.rmdir()
            kept.rename(file)


def disconnect(instances: Instances) -> None:
    """Close the connections of the store, and those that Dagster's storage keeps."""
    instances.store.database.close()
    for opened in instances._open.values():
        opened.instance.dispose()
