"""Tokens of CI jobs on both databases: several servers share what was used and pinned."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from dagstead.errors import DagsteadError, ForbiddenError, UnauthenticatedError
from dagstead.plane.ci_logins import JobIdentity, Pin, TokenUse
from dagstead.plane.trust import Provider
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage

ISSUER = "https://ci.example.com"


def job(number: str | None, owner_number: str | None = "1") -> JobIdentity:
    return JobIdentity(
        issuer=ISSUER,
        provider=Provider.GITHUB,
        repository="org/repo",
        owner="org",
        number=number,
        owner_number=owner_number,
    )


def use(key: str, expires_at: float = 1e12) -> TokenUse:
    return TokenUse(key=key, expires_at=expires_at)


def outcome(store: Store, one: JobIdentity, once: TokenUse) -> type[DagsteadError] | None:
    try:
        store.ci_logins.accept(one, once)
    except DagsteadError as error:
        return type(error)
    return None


def test_of_many_attempts_with_one_token_one_succeeds(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: outcome(store, job("5"), use("k")), range(8)))

    assert Counter(found) == {None: 1, UnauthenticatedError: 7}


def test_of_two_repositories_that_come_first_one_is_pinned(store: Store) -> None:
    numbers = [str(each) for each in range(8)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda each: outcome(store, job(each), use(each)), numbers))

    assert Counter(found) == {None: 1, ForbiddenError: 7}
    winner = numbers[found.index(None)]
    assert [pin.number for pin in store.ci_logins.pins()] == ["1", winner]
    # Whoever was refused has used nothing up.
    loser = next(each for each in numbers if each != winner)
    store.ci_logins.pin([Pin(issuer=ISSUER, path="org/repo", number=loser)])
    assert outcome(store, job(loser), use(loser)) is None
    assert outcome(store, job(winner), use("new")) is ForbiddenError


def test_what_was_used_is_remembered_until_it_expires(store: Store, clock: ManualClock) -> None:
    ends = clock() + 300
    assert outcome(store, job("5"), use("k", ends)) is None
    clock.advance(300)
    assert outcome(store, job("5"), use("k", ends)) is UnauthenticatedError
    clock.advance(1)
    assert outcome(store, job("5"), use("other", ends + 300)) is None
    # By then it has expired itself, and its row is gone.
    assert outcome(store, job("5"), use("k", ends)) is None


def test_pins_are_those_of_one_issuer(store: Store) -> None:
    store.ci_logins.accept(job("5"), use("k"))
    store.ci_logins.pin([Pin(issuer="https://other.example.com", path="org/repo", number="6")])
    assert outcome(store, job("5"), use("l")) is None
    assert outcome(store, job(None), use("m")) is ForbiddenError
    assert outcome(store, job("5", None), use("n")) is ForbiddenError
