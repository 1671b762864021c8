"""A database of every earlier version, with rows, serves after the upgrade as it did before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from dagstead.plane.deployments import DeploymentKind
from dagstead.plane.locations import LoadState
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import ReleaseState
from dagstead.plane.requests import RequestState
from dagstead.plane.writes import WriteState
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database
from dagstead.testing.clock import ManualClock
from tests.support.old_databases import (
    SECRET,
    SIGNING_KEY,
    every_revision,
    make_database,
    stored_rows,
)
from tests.support.releases import deploy, new_location

pytestmark = pytest.mark.storage

REVISIONS = every_revision()


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_no_row_and_no_value_is_lost(database_url: str, revision: str) -> None:
    with closing(Database(database_url)) as database:
        before = make_database(database, revision)
        database.migrate()
        with database.read() as connection:
            after = stored_rows(connection)

    assert all(before.values())
    for table, rows in before.items():
        kept = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert sorted(map(repr, kept)) == sorted(map(repr, rows)), table


def test_what_was_stored_serves_on(
    database_url: str, revision: str, tmp_path: Path, clock: ManualClock
) -> None:
    with closing(Database(database_url)) as database:
        make_database(database, revision)

    store = open_store(database_url=database_url, blobs_folder=tmp_path / "blobs", clock=clock)
    with closing(store):
        assert_read(store)
        if revision >= "0002":
            assert_releases_go_on(store, clock)
        assert_written(store, clock)


def assert_read(store: Store) -> None:
    deployments = {each.name: each for each in store.deployments.all()}
    assert deployments["prod"].settings == {"run_retries": {"max_retries": 3}}
    assert deployments["branch"].kind is DeploymentKind.BRANCH
    assert deployments["branch"].closed
    token = store.tokens.authenticate(SECRET)
    assert token.deployments == {"prod"}
    assert token.expires_at is None
    assert store.vault.signing_key().hex() == SIGNING_KEY
    assert store.properties.organization_settings() == {"sso": False}
    live = store.locations.get("prod", "live")
    assert live.state is LoadState.LOADED
    assert live.live is not None
    assert live.live.deploy_id == "live-1"
    assert store.locations.get("prod", "loading").live is None
    assert store.locations.version("prod") == 7
    assert [(each.id, each.state) for each in store.requests.open(ORGANIZATION)] == [
        ("launch", RequestState.WAITING)
    ]
    assert [beat.queues for beat in store.agents.of("prod")] == [{"gpu", None}]
    assert store.writes.begin("prod", "event-1") is WriteState.DONE


def assert_releases_go_on(store: Store, clock: ManualClock) -> None:
    """The open one goes live, and what was live before it can be brought back."""
    clock.advance(1)
    loaded = store.releases.set_loaded("prod", "loading", deploy_id="loading-1", manifest="m")
    assert loaded.counted
    assert [each.state for each in store.releases.all("prod")] == [ReleaseState.LIVE] * 2
    assert {*(store.releases.get("prod", 1).live or ())} == {"live"}
    assert {*(store.releases.get("prod", 2).live or ())} == {"live", "loading"}


def assert_written(store: Store, clock: ManualClock) -> None:
    clock.advance(1)
    deploy(store, "prod", [new_location("live", "live-2")])
    assert store.releases.set_loaded("prod", "live", deploy_id="live-2", manifest="m").counted
    assert store.locations.get("prod", "live").deploy_id == "live-2"
    assert store.requests.begin_launch("prod", "run", "agent", by=None)
