"""Databases of earlier versions: what is in them is brought into the present form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from dagstead.plane.locations import Deploy
from dagstead.plane.releases import NewRelease, Release, ReleaseState
from dagstead.plane.rollbacks import History
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import new_location

pytestmark = pytest.mark.storage


def release(store: Store, deploys: str, deployment: str = "prod", **more: object) -> None:
    """Begin a release of deploys, by their names: ``a2`` is the second of ``a``."""
    locations = [new_location(each[0], each) for each in deploys.split()]
    store.releases.begin(deployment, NewRelease(locations=locations, **more))  # type: ignore[arg-type]


def load(store: Store, clock: ManualClock, deploys: str, deployment: str = "prod") -> None:
    for each in deploys.split():
        clock.advance(1)
        assert store.releases.set_loaded(deployment, each[0], deploy_id=each, manifest="m").counted


def drop(table: str, column: str | None = None) -> str:
    """A statement that removes a table, or one of its columns."""
    if column is None:
        return f"DROP TABLE {table}"
    return f'ALTER TABLE {table} DROP COLUMN "{column}"'


#: How to get to the version before each of these, the newest first.
UNDONE: Mapping[str, Sequence[str]] = {
    "0025": (drop("pushed_images"),),
    "0024": (drop("server_logs"),),
    "0023": tuple(
        map(
            drop,
            (
                "alert_cursors",
                "alert_silences",
                "alert_deliveries",
                "alerts_firing",
                "alert_policies",
            ),
        )
    ),
    "0022": (drop("branches"),),
    "0021": tuple(map(drop, ("tallies", "queue_calls", "traces"))),
    "0020": tuple(map(drop, ("noted_waits", "refused_callers"))),
    "0019": (
        drop("queues"),
        "DROP INDEX ix_launches_taken_at",
        drop("launches", "fell_from"),
    ),
    "0018": tuple(map(drop, ("trail", "trail_head", "trail_begun", "trail_sinks"))),
    "0017": (
        *map(drop, ("former_secrets", "trust_pins", "used_ci_tokens")),
        drop("tokens", "rotated_at"),
        drop("tokens", "used_from"),
    ),
    "0016": (drop("tokens", "roles"), drop("trust_policies", "roles")),
    "0015": (drop("tokens", "project"), drop("deployments", "project")),
    "0014": (drop("secrets"), drop("tokens", "secret_values")),
    "0013": (drop("worker_tokens"), drop("made_by_workers")),
    "0012": (drop("sign_in_links"), drop("sessions")),
    "0011": (drop("pex_files"), drop("tokens", "is_pull_request")),
    "0010": (drop("heartbeats", "reported_id"), drop("launches", "begun_with")),
    "0009": (
        drop("token_calls"),
        drop("locations", "healing"),
        drop("locations", "refused"),
        drop("heartbeats", "code_servers"),
        drop("requests", "for_token"),
    ),
    "0008": (drop("deletions"), drop("releases", "undoes"), drop("releases", "before")),
    "0007": (drop("leader"),),
    "0006": (drop("launches"),),
    "0005": (drop("tokens", "beside"),),
    "0004": (drop("releases", "live"),),
}


def upgrade_from(store: Store, version: str) -> None:
    """Upgrade a database of an older version, with the rows that there are."""
    with store.database.write() as connection:
        for newer, statements in UNDONE.items():
            if newer > version:
                for statement in statements:
                    connection.execute(text(statement))
        if version < "0007" and not store.database.is_sqlite:
            connection.execute(text("DROP FUNCTION require_leader"))
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
    store.database.migrate()


def every_release(store: Store) -> list[Release]:
    return [*store.releases.all("prod"), *store.releases.all("other")]


def live_after(store: Store, number: int) -> dict[str, Deploy]:
    history = History((), store.releases.all("prod"))
    live = store.releases.get("prod", number).live or {}
    return {name: history.deploy_of(name, source) for name, source in live.items()}


def test_what_was_live_after_each_release_is_found_from_their_parts(
    store: Store, clock: ManualClock
) -> None:
    for name in ("prod", "other"):
        store.deployments.create(name)
    release(store, "a1 b1 c1")
    load(store, clock, "a1 b1 c1")
    release(store, "a2 b2", atomic=False)
    load(store, clock, "a2")
    release(store, "b3", removes=["c"])
    release(store, "d1")
    load(store, clock, "d1 b3")
    release(store, "a5 c5", atomic=False, removes=["d"])
    load(store, clock, "c5")
    store.releases.set_failed("prod", "a", deploy_id="a5", error="{}")
    release(store, "a6")
    release(store, "a1", "other")
    load(store, clock, "a1", "other")
    before = every_release(store)
    assert {each.state for each in before} == set(ReleaseState) - {ReleaseState.FAILED}

    upgrade_from(store, "0003")

    # What they replaced was not recorded then.
    assert every_release(store) == [replace(each, before=None) for each in before]
    assert {name: each.deploy_id for name, each in live_after(store, 5).items()} == {
        "a": "a2",
        "b": "b3",
        "c": "c5",
    }


def test_what_is_live_of_no_release_is_kept_with_its_document(
    store: Store, clock: ManualClock
) -> None:
    store.deployments.create("prod")
    release(store, "a1")
    store.releases.set_failed("prod", "a", deploy_id="a1", error="{}")
    load(store, clock, "a1")
    release(store, "b1")
    load(store, clock, "b1")

    upgrade_from(store, "0003")

    after = live_after(store, 2)
    assert after["a"] == store.locations.get("prod", "a").live
    assert after["b"].deploy_id == "b1"


def test_a_database_without_releases_is_upgraded(store: Store) -> None:
    store.deployments.create("prod")

    upgrade_from(store, "0003")

    assert store.releases.all("prod") == []


def test_the_tokens_that_servers_made_for_their_pools_are_of_their_kind(store: Store) -> None:
    names = ("managed pool on host", "my managed pool on host", "eu")
    for name in names:
        store.tokens.create(name, TokenKind.AGENT, name, Grant())
    upgrade_from(store, "0012")

    kinds = {token.name: token.kind for token in store.tokens.all()}
    assert kinds == dict(
        zip(names, (TokenKind.POOL, TokenKind.AGENT, TokenKind.AGENT), strict=True)
    )
