"""Sessions of browsers and sign-in links, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dagstead.errors import UnauthenticatedError
from dagstead.plane.sign_ins import LinkUse
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.sign_ins import SESSIONS_OF_A_TOKEN
from dagstead.store.tables import sessions, sign_in_links
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage


def user(store: Store, name: str = "ada", **grant: float) -> int:
    made = store.tokens.create(name, TokenKind.USER, f"user:dagstead:{name}", Grant(**grant))  # type: ignore[arg-type]
    return made.id


def is_signed_in(store: Store, secret: str) -> bool:
    try:
        store.sessions.holder(secret)
    except UnauthenticatedError:
        return False
    return True


def stored(store: Store) -> str:
    with store.database.read() as connection:
        rows = [*connection.execute(select(sessions)), *connection.execute(select(sign_in_links))]
    return repr(rows)


def test_a_session_lasts_until_it_expires_or_is_ended(store: Store, clock: ManualClock) -> None:
    ada = user(store)
    for secret in ("one", "two", "three"):
        store.sessions.begin(ada, secret, clock() + 100)
    assert store.sessions.holder("one").name == "ada"
    assert not is_signed_in(store, "four")
    store.sessions.end("one")
    assert not is_signed_in(store, "one")
    assert is_signed_in(store, "two")
    clock.advance(100)
    assert not is_signed_in(store, "two")


def test_a_session_ends_with_its_token(store: Store, clock: ManualClock) -> None:
    ada, bea = user(store), user(store, "bea", expires_at=clock() + 50)
    store.sessions.begin(ada, "of ada", clock() + 100)
    store.sessions.begin(bea, "of bea", clock() + 100)
    clock.advance(50)
    assert not is_signed_in(store, "of bea")
    assert is_signed_in(store, "of ada")
    store.tokens.revoke(ada)
    assert not is_signed_in(store, "of ada")


def test_all_sessions_of_a_token_are_ended_and_no_others(store: Store, clock: ManualClock) -> None:
    ada, bea = user(store), user(store, "bea")
    for secret in ("one", "two"):
        store.sessions.begin(ada, secret, clock() + 100)
    store.sessions.begin(bea, "three", clock() + 100)
    assert store.sessions.end_of(ada) == 2
    assert store.sessions.end_of(ada) == 0
    assert not is_signed_in(store, "one")
    assert is_signed_in(store, "three")


def test_sessions_do_not_pile_up(store: Store, clock: ManualClock) -> None:
    ada, bea = user(store), user(store, "bea")
    store.sessions.begin(bea, "of bea", clock() + 1000)
    store.sessions.begin(bea, "over", clock() + 1)
    clock.advance(1)
    for number in range(SESSIONS_OF_A_TOKEN + 2):
        store.sessions.begin(ada, str(number), clock() + 100)
    with store.database.read() as connection:
        assert len(connection.execute(select(sessions)).all()) == SESSIONS_OF_A_TOKEN + 1
    assert [is_signed_in(store, each) for each in ("0", "1", "2", "of bea")] == [
        *(False, False),
        *(True, True),
    ]


def test_a_link_works_once_within_its_time(store: Store, clock: ManualClock) -> None:
    for code in ("one", "two"):
        store.sign_in_links.add(code, clock() + 10)
    assert store.sign_in_links.use("one") is LinkUse.ACCEPTED
    assert store.sign_in_links.use("one") is LinkUse.USED
    clock.advance(10)
    assert store.sign_in_links.use("two") is LinkUse.EXPIRED
    assert store.sign_in_links.use("three") is LinkUse.UNKNOWN
    clock.advance(40 * 86400)
    store.sign_in_links.add("four", clock() + 10)
    assert store.sign_in_links.use("one") is LinkUse.UNKNOWN


def test_only_hashes_are_stored(store: Store, clock: ManualClock) -> None:
    store.sessions.begin(user(store), "a secret of a session", clock() + 100)
    store.sign_in_links.add("a secret of a link", clock() + 100)
    assert "a secret" not in stored(store)
