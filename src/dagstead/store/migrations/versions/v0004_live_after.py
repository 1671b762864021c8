"""What was live after each release."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_RELEASES = sa.table(
    "releases",
    sa.column("deployment"),
    sa.column("number"),
    sa.column("state"),
    sa.column("removes", sa.JSON),
    sa.column("ended_at"),
    sa.column("live", sa.JSON),
)
_PARTS = sa.table(
    "release_parts",
    sa.column("deployment"),
    sa.column("number"),
    sa.column("name"),
    sa.column("state"),
)
_LOCATIONS = sa.table(
    "locations",
    sa.column("deployment"),
    sa.column("name"),
    sa.column("live", sa.JSON),
    sa.column("release"),
)
_REMOVING = frozenset({"live", "partial"})


def upgrade() -> None:
    """Record it, of the releases that have ended, from their parts."""
    op.add_column("releases", sa.Column("live", sa.JSON))
    connection = op.get_bind()
    brought: dict[tuple[str, int], list[str]] = defaultdict(list)
    for part in connection.execute(sa.select(_PARTS).where(_PARTS.c.state == "live")):
        brought[part.deployment, part.number].append(part.name)
    unrecorded: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(sa.select(_LOCATIONS).where(_LOCATIONS.c.release.is_(None))):
        # Live since before there were releases. JSON has two kinds of nothing.
        if row.live is not None:
            unrecorded[row.deployment][row.name] = row.live
    ended = connection.execute(
        sa.select(_RELEASES)
        .where(_RELEASES.c.ended_at.is_not(None))
        .order_by(_RELEASES.c.deployment, _RELEASES.c.ended_at, _RELEASES.c.number)
    ).all()
    live: dict[str, dict[str, int]] = defaultdict(dict)
    for release in ended:
        number, now = release.number, live[release.deployment]
        now.update(dict.fromkeys(brought[release.deployment, number], number))
        if release.state in _REMOVING:
            _remove(now, release.removes, number)
        _record(release, unrecorded[release.deployment] | now)


def _remove(live: dict[str, int], names: Iterable[str], number: int) -> None:
    """Remove what a release ends, but not what a newer one has brought before it ended."""
    for name in names:
        if live.get(name, number) < number:
            del live[name]


def _record(release: sa.Row[Any], live: Mapping[str, Any]) -> None:
    op.get_bind().execute(
        sa.update(_RELEASES)
        .where(_RELEASES.c.deployment == release.deployment)
        .where(_RELEASES.c.number == release.number)
        .values(live=live)
    )
