"""PEX files that an earlier version has stored, when all deployments shared them by their name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.releases import RollbackGoal
from dagstead.model.pex_names import PexName
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation, pex_files_of
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import NewRelease
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database
from dagstead.testing.clock import ManualClock
from tests.support.old_databases import make_database
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.storage

NAME = "source-1.pex"
CONTENT = b"stored long ago"
PINNED = str(PexName(NAME, hashlib.sha256(CONTENT).hexdigest()))
RETENTION = Retention(days=10, releases=2, runs=1)


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """A server that was upgraded, with a location in its deployment shop as it was then."""

    store: Store
    control: Control
    clock: ManualClock

    @property
    def shop(self) -> Deployment:
        return self.store.deployments.get("shop")

    def begin(self, deploy_id: str, actor: Actor = SYSTEM) -> None:
        new = NewRelease(locations=[location(deploy_id)])
        self.control.releases.begin(actor, self.shop, new)
        self.load(deploy_id)

    def load(self, deploy_id: str) -> None:
        self.store.releases.set_loaded("shop", "etl", deploy_id=deploy_id, manifest="{}")

    def files(self) -> list[str]:
        return pex_files_of(self.store.locations.get("shop", "etl").document)

    def actor(self, grant: Grant) -> Actor:
        return Actor.holding(self.store.tokens.create("ci", TokenKind.USER, "secret", grant))


def location(deploy_id: str, name: str = NAME) -> NewLocation:
    tag = f"files={name}"
    return NewLocation(
        name="etl",
        document={"location_name": "etl", "pex_metadata": {"pex_tag": tag}},
        deploy_data=f'{{"pex_tag": "{tag}"}}',
        deploy_id=deploy_id,
        queue=None,
    )


@pytest.fixture
def upgraded(database_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Upgraded]:
    with closing(Database(database_url)) as database:
        make_database(database, "0009")
    store = open_store(database_url=database_url, blobs_folder=tmp_path / "blobs", clock=clock)
    store.deployments.create("shop")
    store.deployments.set_settings("shop", {"releases": {"unserved_queue": "wait"}})
    store.blobs.put(BlobKey(BlobKind.PEX, ORGANIZATION, NAME), CONTENT)
    store.releases.begin("shop", NewRelease(locations=[location("old")]))
    made = Upgraded(store=store, control=control_without_dagster(store), clock=clock)
    made.load("old")
    yield made
    store.close()


def test_what_was_deployed_then_is_loaded_and_kept(upgraded: Upgraded) -> None:
    upgraded.clock.advance(20 * DAY_SECONDS)
    upgraded.control.storage.sweep(SYSTEM, RETENTION)
    assert upgraded.files() == [NAME]

    found = upgraded.control.files.artifact_to_read(SYSTEM, None, f"pex/{NAME}")

    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    _, pieces = upgraded.control.signed_files.open(found.address, "GET").stream()
    assert b"".join(pieces) == CONTENT


def test_it_is_deployed_again_by_its_content(upgraded: Upgraded) -> None:
    limited = upgraded.actor(Grant(deployments=["shop"]))
    assert upgraded.control.files.stored_pex_files(limited, [NAME, PINNED]) == [NAME, PINNED]
    upgraded.begin("new", limited)
    assert upgraded.files() == [PINNED]
    assert f'"files={PINNED}"' in upgraded.store.locations.get("shop", "etl").deploy_data

    upgraded.clock.advance(20 * DAY_SECONDS)
    upgraded.control.storage.sweep(SYSTEM, RETENTION)
    assert upgraded.control.files.stored_pex_files(limited, [PINNED]) == [PINNED]


def test_it_comes_back_with_a_rollback(upgraded: Upgraded) -> None:
    other = location("other", "source-2.pex")
    address = upgraded.control.files.pex_address(SYSTEM, "source-2.pex", "PUT")
    sent = upgraded.store.blobs.folder.parent / "sent"
    sent.write_bytes(b"something else")
    upgraded.control.signed_files.open(address, "PUT").put(sent)
    release = upgraded.control.releases.begin(SYSTEM, upgraded.shop, NewRelease(locations=[other]))
    upgraded.load("other")

    upgraded.control.releases.roll_back(
        SYSTEM,
        upgraded.shop,
        RollbackGoal(number=release.number),
        redeploy=lambda document: location("back", pex_files_of(document)[0]),
    )

    assert upgraded.files() == [PINNED]
