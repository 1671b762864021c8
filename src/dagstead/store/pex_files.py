"""PEX files in the database: which content was stored under which name, and by whom.

The files themselves are in the blob store, once for each content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.plane.clock import Clock
from dagstead.plane.pex_files import StoredPex, Uploader
from dagstead.store.database import Database
from dagstead.store.tables import pex_files

_KEYS = ("namespace", "name", "sha256")


@dataclass(frozen=True, slots=True)
class PexFileStore:
    """Stores what is known of PEX files."""

    database: Database
    clock: Clock

    def add(self, file: StoredPex, *, asked_at: float | None) -> bool:
        """Record a file; one that is recorded already counts as stored now.

        Args:
            file: a file that lies in the blob store.
            asked_at: when the uploader asked for the address; ``None`` for files that came
                otherwise.

        Returns:
            Whether it was recorded. It is not, when another content was stored under this name
            since the uploader asked: an address is good for one content.
        """
        mine = (pex_files.c.namespace == file.uploader.namespace) & (pex_files.c.name == file.name)
        others = select(pex_files.c.sha256).where(mine & (pex_files.c.sha256 != file.sha256))
        kept: dict[str, Any] = {"by": file.by, "stored_at": file.stored_at}
        values = {
            "namespace": file.uploader.namespace,
            "name": file.name,
            "sha256": file.sha256,
            "uploader": file.uploader.as_json(),
            **kept,
        }
        kind = sqlite if self.database.is_sqlite else postgresql
        with self.database.write() as connection:
            if asked_at is not None:
                newer = others.where(pex_files.c.stored_at >= asked_at).limit(1)
                if connection.execute(newer).first() is not None:
                    return False
            statement = kind.insert(pex_files).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=_KEYS, set_=kept))
        return True

    def named(self, names: Iterable[str]) -> list[StoredPex]:
        """What is stored under plain names, in all namespaces, the newest first."""
        wanted = (
            select(pex_files)
            .where(pex_files.c.name.in_(sorted(set(names))))
            .order_by(pex_files.c.stored_at.desc(), pex_files.c.sha256)
        )
        with self.database.read() as connection:
            return [_stored(row) for row in connection.execute(wanted)]

    def forget(self, name: str, sha256: str, *, before: float) -> None:
        """Forget a content that is not in the blob store any more.

        Args:
            name: as the builder gave it.
            sha256: of the content.
            before: what was stored from then on stays: somebody has sent the file anew meanwhile.
        """
        of_content = (pex_files.c.name == name) & (pex_files.c.sha256 == sha256)
        with self.database.write() as connection:
            connection.execute(
                delete(pex_files).where(of_content & (pex_files.c.stored_at < before))
            )


def _stored(row: Row[Any]) -> StoredPex:
    return StoredPex(
        name=row.name,
        sha256=row.sha256,
        uploader=Uploader.from_json(row.uploader),
        by=row.by,
        stored_at=row.stored_at,
    )
