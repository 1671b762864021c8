"""What is asked for when a token is made, and what it then grants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.control.tokens import POOL_PREFIX
from dagstead.errors import DeploymentNotFoundError, InvalidInputError
from dagstead.plane.lifetimes import read_lifetime
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.tokens import Grant, IssuedToken, TokenKind
from dagstead.server.first_start import (
    first_link,
    make_first_deployment,
    new_pool_secret,
    revoke_pool_tokens,
)
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

NOW = 1_700_000_000.0


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


def issue(control: Control, name: str, kind: TokenKind, grant: Grant) -> IssuedToken:
    return control.tokens.issue(COMMAND_LINE, name, kind, grant, "dagstead")


@pytest.mark.parametrize(
    ("queues", "default_queue", "granted"),
    [
        ([], None, None),
        ([], True, {None}),
        (["gpu"], None, {"gpu"}),
        (["gpu"], False, {"gpu"}),
        (["gpu", "eu"], True, {"gpu", "eu", None}),
    ],
)
def test_queues_are_granted_as_asked(
    *, queues: list[str], default_queue: bool | None, granted: set[str | None] | None
) -> None:
    new = NewToken(
        name="eu", kind=TokenKind.AGENT, queues=queues or None, default_queue=default_queue
    )
    assert new.grant(NOW).queues == granted


@pytest.mark.parametrize(
    ("kind", "queues", "default_queue", "sentence"),
    [
        (TokenKind.USER, ["gpu"], None, "Only agent tokens"),
        (TokenKind.USER, [], True, "Only agent tokens"),
        (TokenKind.USER, [], None, "Only agent tokens"),
        (TokenKind.AGENT, [], False, "no queue at all"),
        (TokenKind.AGENT, [], None, "no queue at all"),
        (TokenKind.AGENT, [""], None, "no agent serves"),
    ],
)
def test_senseless_queues_are_refused(
    *, kind: TokenKind, queues: list[str], default_queue: bool | None, sentence: str
) -> None:
    new = NewToken(name="eu", kind=kind, queues=queues, default_queue=default_queue)
    with pytest.raises(InvalidInputError, match=sentence):
        new.grant(NOW)


@pytest.mark.parametrize(
    ("deployments", "asked", "granted"),
    [
        (None, None, True),
        (["prod"], None, False),
        (["prod"], True, True),
        (None, False, False),
        ([], True, True),
    ],
)
def test_branch_deployments_go_with_all_deployments(
    *, deployments: list[str] | None, asked: bool | None, granted: bool
) -> None:
    made = NewToken(
        name="ada", kind=TokenKind.USER, deployments=deployments, branch_deployments=asked
    ).grant(NOW)
    assert made.branch_deployments is granted
    assert made.deployments == (None if deployments is None else frozenset(deployments))


def test_no_deployment_is_not_all_of_them() -> None:
    new = NewToken(name="ada", kind=TokenKind.USER, deployments=[])
    with pytest.raises(InvalidInputError, match="no deployment at all"):
        new.grant(NOW)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("never", None),
        ("90m", NOW + 5400),
        ("12h", NOW + 43200),
        ("30d", NOW + 30 * 86400),
        ("2w", NOW + 14 * 86400),
        ("2027-01-31", 1801440000.0),
        ("2027-01-31T12:00:00", 1801396800.0),
        ("2027-01-31T12:00:00+02:00", 1801389600.0),
    ],
)
def test_a_token_ends_when_it_was_said(text: str, ends: float | None) -> None:
    assert read_lifetime(text).ends_at(NOW) == ends


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "2027-02-30", "soon", "9999-12-31"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a time. Write 12h, 30d"):
        read_lifetime(text)


def test_a_token_that_has_ended_already_is_not_made(control: Control, store: Store) -> None:
    with pytest.raises(InvalidInputError, match="expired already"):
        issue(control, "ada", TokenKind.USER, Grant(expires_at=store.clock()))
    assert store.tokens.all() == []


def test_a_token_is_kept_only_as_a_hash(control: Control, store: Store, tmp_path: Path) -> None:
    issued = issue(control, "ada", TokenKind.USER, Grant())
    token, secret = issued.token, issued.secret
    assert store.tokens.authenticate(secret).id == token.id
    random_part = secret.rpartition(":")[2].encode()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("plane.db*"))
    assert b"ada" in stored
    assert random_part not in stored


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, f"{POOL_PREFIX}me"])
def test_a_bad_name_is_refused(control: Control, name: str) -> None:
    with pytest.raises(InvalidInputError, match="A token"):
        issue(control, name, TokenKind.USER, Grant())


def test_a_grant_of_an_unknown_deployment_is_refused(control: Control) -> None:
    with pytest.raises(DeploymentNotFoundError, match="'prdo'"):
        issue(control, "ada", TokenKind.USER, Grant(deployments={"prdo"}))


def test_every_start_makes_a_link_until_it_has_made_a_user_token(
    control: Control, store: Store
) -> None:
    make_first_deployment(control)
    unused, link = first_link(control), first_link(control)
    assert unused
    assert link
    assert store.tokens.all() == []
    issued = control.sessions.use_link(link.code, "ada", "dagstead")
    assert store.tokens.authenticate(issued.secret).kind is TokenKind.USER
    assert issued.token.is_unlimited

    make_first_deployment(control)
    assert [each.name for each in store.deployments.all()] == ["prod"]
    assert first_link(control) is None


def test_no_first_link_is_made_again_when_all_are_revoked(control: Control, store: Store) -> None:
    issued = issue(control, "ada", TokenKind.USER, Grant())
    store.tokens.revoke(issued.token.id)
    assert first_link(control) is None


def test_prod_does_not_come_back_beside_others(control: Control, store: Store) -> None:
    store.deployments.create("main")
    make_first_deployment(control)
    assert [each.name for each in store.deployments.all()] == ["main"]


def test_the_pool_serves_the_default_queue_everywhere(control: Control, store: Store) -> None:
    token = store.tokens.authenticate(new_pool_secret(control, "dagstead"))
    assert token.kind is TokenKind.POOL
    assert token.cut_queues([None, "gpu"]) == {None}
    assert token.grants_deployment("any", is_branch=True)


def test_a_pool_that_stops_takes_its_token_along(control: Control, store: Store) -> None:
    new_pool_secret(control, "dagstead")
    revoke_pool_tokens(control)
    assert valid(store) == []


def test_after_a_crash_only_the_last_token_lives_on(control: Control, store: Store) -> None:
    """A worker that has just reported the end of its run may have something left to say."""
    secrets = [new_pool_secret(control, "dagstead") for _ in range(3)]
    expected = [store.tokens.authenticate(secret).id for secret in secrets[1:]]
    assert valid(store) == expected


def valid(store: Store) -> list[int]:
    return [token.id for token in store.tokens.all() if token.revoked_at is None]
