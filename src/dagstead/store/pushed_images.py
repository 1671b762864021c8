"""What was pushed into the installation's registry; the images themselves are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.plane.pex_files import Uploader
from dagstead.plane.registry import PushedImage
from dagstead.store.database import Database
from dagstead.store.tables import pushed_images

_KEYS = ("repository", "tag", "digest", "namespace")


@dataclass(frozen=True, slots=True)
class PushedImageStore:
    """Stores what is known of images."""

    database: Database

    def add(self, image: PushedImage) -> None:
        """Record an image; one that is recorded already counts as pushed now."""
        kept: dict[str, Any] = {
            "by": image.by,
            "pushed_at": image.pushed_at,
            "needed_at": image.needed_at,
        }
        values = {
            "repository": image.repository,
            "tag": image.tag,
            "digest": image.digest,
            "namespace": image.uploader.namespace,
            "uploader": image.uploader.as_json(),
            "size": image.size,
            "parts": sorted(image.parts),
            **kept,
        }
        kind = sqlite if self.database.is_sqlite else postgresql
        statement = kind.insert(pushed_images).values(values)
        with self.database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=_KEYS, set_=kept))

    def within(self, repositories: Iterable[str]) -> list[PushedImage]:
        """What was pushed into these repositories, the newest first."""
        wanted = (
            select(pushed_images)
            .where(pushed_images.c.repository.in_(sorted(set(repositories))))
            .order_by(pushed_images.c.pushed_at.desc(), pushed_images.c.digest)
        )
        with self.database.read() as connection:
            return [_image(row) for row in connection.execute(wanted)]

    def all(self, organization: str) -> list[PushedImage]:  # noqa: ARG002 - says whose they are
        """What was pushed into any repository, the oldest first."""
        wanted = select(pushed_images).order_by(pushed_images.c.pushed_at)
        with self.database.read() as connection:
            return [_image(row) for row in connection.execute(wanted)]

    def renew(self, digests: Iterable[str], now: float) -> None:
        """Note that images are needed now."""
        wanted = sorted(set(digests))
        if wanted:
            with self.database.write() as connection:
                connection.execute(
                    update(pushed_images)
                    .where(pushed_images.c.digest.in_(wanted))
                    .values(needed_at=now)
                )

    def forget(self, repository: str, digest: str, *, before: float) -> None:
        """Forget an image that the registry has no longer.

        Args:
            repository: that it was in.
            digest: of the image.
            before: what was pushed from then on stays.
        """
        meant = (pushed_images.c.repository == repository) & (pushed_images.c.digest == digest)
        with self.database.write() as connection:
            connection.execute(
                delete(pushed_images).where(meant & (pushed_images.c.pushed_at < before))
            )


def _image(row: Row[Any]) -> PushedImage:
    return PushedImage(
        repository=row.repository,
        tag=row.tag,
        digest=row.digest,
        uploader=Uploader.from_json(row.uploader),
        by=row.by,
        size=row.size,
        parts=frozenset(row.parts),
        pushed_at=row.pushed_at,
        needed_at=row.needed_at,
    )
