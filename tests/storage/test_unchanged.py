"""What is read with every call is read again only after a change, wherever that was made."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from dagstead.errors import DeploymentNotFoundError, UnauthenticatedError
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.database import Database
from dagstead.testing.clock import ManualClock
from tests.support.stores import empty_store

pytestmark = pytest.mark.storage


class Reading:
    """Counts what is read from a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.times = 0

    def of(self, what: str) -> object:
        """The rows of a table."""

        def read(connection: Connection) -> object:
            self.times += 1
            return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()

        return self.database.remembered(what, read)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = empty_store(tmp_path, time.time)
    yield opened
    opened.close()


@pytest.fixture
def reading(store: Store) -> Reading:
    return Reading(store.database)


def test_it_is_read_once_while_nothing_changes(reading: Reading) -> None:
    assert [reading.of("deployments") for _ in range(3)] == [0, 0, 0]
    assert reading.times == 1
    assert reading.of("tokens") == 0
    assert reading.times == 2


def test_a_change_of_this_process_is_seen_at_once(reading: Reading, store: Store) -> None:
    for number in range(3):
        assert reading.of("deployments") == number
        store.deployments.create(f"made-{number}")
        assert reading.of("deployments") == number + 1


def test_a_change_of_another_process_is_seen_at_once(
    reading: Reading, store: Store, tmp_path: Path
) -> None:
    store.deployments.create("prod")
    assert reading.of("deployments") == 1
    [file] = tmp_path.rglob("*.db")
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("DELETE FROM deployments")
    assert reading.of("deployments") == 0
    with pytest.raises(DeploymentNotFoundError):
        store.deployments.get("prod")


def test_what_was_read_while_it_changed_is_read_again(store: Store) -> None:
    def read(connection: Connection) -> object:
        found = connection.execute(text("SELECT count(*) FROM deployments")).scalar_one()
        store.deployments.create("meanwhile")
        return found

    assert store.database.remembered("deployments", read) == 0
    assert Reading(store.database).of("deployments") == 1


def test_a_revoked_token_opens_nothing_from_then_on(store: Store) -> None:
    secret = "agent:dagstead:secret"
    token = store.tokens.create("eu", TokenKind.AGENT, secret, Grant())
    for _ in range(2):
        assert store.tokens.authenticate(secret).name == "eu"
    store.tokens.revoke(token.id)
    with pytest.raises(UnauthenticatedError):
        store.tokens.authenticate(secret)


def test_what_was_read_is_known_until_there_is_a_change(reading: Reading, store: Store) -> None:
    assert store.database.known("tokens") is None
    reading.of("tokens")
    reading.of("deployments")
    assert store.database.known("deployments") == 0
    store.deployments.create("prod")
    assert store.database.known("deployments") is None
    assert reading.of("deployments") == 1
    assert store.database.known("deployments") == 1
    assert store.database.known("tokens") is None


def test_nothing_is_known_while_others_ask(reading: Reading, store: Store) -> None:
    reading.of("deployments")
    unchanged = store.database._unchanged
    assert unchanged is not None
    with unchanged._lock:
        assert store.database.known("deployments") is None
    assert store.database.known("deployments") == 0


def test_where_the_file_is_locked_it_is_read_and_nothing_is_known(
    reading: Reading, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.of("deployments")
    unchanged = store.database._unchanged
    assert unchanged is not None

    def locked() -> object:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(unchanged, "_newest_version", locked)
    assert store.database.known("deployments") is None
    assert reading.of("deployments") == 0
    assert reading.times == 2


def test_a_token_is_known_while_it_is_valid_and_its_use_was_noted(tmp_path: Path) -> None:
    clock = ManualClock()
    with closing(empty_store(tmp_path, clock)) as store:
        secret = "agent:dagstead:secret"
        token = store.tokens.create("eu", TokenKind.AGENT, secret, Grant(expires_at=clock() + 3600))

        def is_known() -> bool:
            return store.tokens.known(secret, "192.0.2.1") is not None

        def call() -> None:
            # The first one notes the use of the token, which is a change.
            for _ in range(2):
                store.tokens.authenticate(secret, "192.0.2.1")

        assert not is_known()
        call()
        assert is_known()
        clock.advance(61)
        # Somebody has to note that it is in use.
        assert not is_known()
        call()
        assert is_known()
        clock.advance(3600)
        assert not is_known()
        with pytest.raises(UnauthenticatedError, match="has expired"):
            store.tokens.authenticate(secret, "192.0.2.1")
        store.tokens.revoke(token.id)
        assert not is_known()
        assert store.tokens.known("agent:dagstead:another") is None


def test_on_postgres_it_is_read_each_time(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        database.migrate()
        reading = Reading(database)
        for _ in range(2):
            assert reading.of("dagstead.deployments") == 0
        assert reading.times == 2
        assert database.known("dagstead.deployments") is None
