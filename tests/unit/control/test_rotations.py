"""Tokens get new secrets, stay the tokens that they were, and end when they should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE, Actor
from dagstead.control.all import Control
from dagstead.control.tokens import POOL_PREFIX, make_token
from dagstead.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from dagstead.plane.lifetimes import FOREVER, Lifetime, read_overlap
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.roles import Role, RoleGrant, Roles
from dagstead.plane.rotations import RotatedToken, Rotation
from dagstead.plane.tokens import Grant, IssuedToken, TokenKind, new_secret
from dagstead.plane.trail import Result, TrailFilter
from dagstead.plane.workers import Minter, Worker
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

DAY = 86400.0


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock)
    opened.deployments.create("prod")
    yield opened
    opened.close()


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


def issue(
    control: Control, kind: TokenKind = TokenKind.AGENT, lifetime: Lifetime | None = None
) -> IssuedToken:
    new = NewToken(name="eu", kind=kind, lifetime=lifetime)
    grant = new.grant(control.clock())
    return control.tokens.issue(COMMAND_LINE, new.name, kind, grant, "dagstead")


def rotate(control: Control, token_id: int, rotation: Rotation | None = None) -> RotatedToken:
    wanted = rotation or Rotation(overlap_seconds=DAY)
    return control.tokens.rotate(COMMAND_LINE, token_id, wanted, "dagstead")


def works(control: Control, secret: str) -> bool:
    try:
        control.token_reader.of_secret(secret)
    except UnauthenticatedError:
        return False
    return True


def test_both_secrets_are_of_the_same_token_until_the_overlap_is_over(
    control: Control, clock: ManualClock
) -> None:
    issued = issue(control)
    rotated = rotate(control, issued.token.id)

    assert rotated.former_ends_at == clock() + DAY
    assert rotated.secret != issued.secret
    former = control.token_reader.of_secret(issued.secret)
    new = control.token_reader.of_secret(rotated.secret)
    assert former.id == new.id == issued.token.id
    # What begins with the former one, such as a session, ends with it.
    assert (former.expires_at, new.expires_at) == (clock() + DAY, None)
    clock.advance(DAY)
    assert control.token_reader.of_secret(rotated.secret).id == issued.token.id
    with pytest.raises(UnauthenticatedError, match="'eu' was rotated, and its former secret is no"):
        control.token_reader.of_secret(issued.secret)


def test_rotated_again_no_former_secret_lives_longer_than_the_overlap(
    control: Control, clock: ManualClock
) -> None:
    first = issue(control)
    second = rotate(control, first.token.id)
    clock.advance(60)
    # The new secret was lost before any agent had it: those that run go on with the first one.
    third = rotate(control, first.token.id)
    assert [works(control, each) for each in (first.secret, second.secret, third.secret)] == [
        True
    ] * 3
    # One has leaked.
    fourth = rotate(control, first.token.id, Rotation(overlap_seconds=0))
    secrets = (first.secret, second.secret, third.secret, fourth.secret)
    assert [works(control, each) for each in secrets] == [False, False, False, True]


def test_a_token_keeps_its_roles_and_a_lesser_role_rotates_none(
    control: Control, store: Store
) -> None:
    of_prod = RoleGrant(role=Role.EDITOR, deployment="prod")
    roles = Roles(default=Role.VIEWER, grants=frozenset({of_prod}))
    wanted = NewToken(name="grace", kind=TokenKind.USER, roles=roles)
    issued = control.tokens.issue(
        COMMAND_LINE, "grace", TokenKind.USER, wanted.grant(control.clock()), "dagstead"
    )
    rotated = rotate(control, issued.token.id)

    for secret in (issued.secret, rotated.secret):
        assert control.token_reader.of_secret(secret).roles == roles
    assert rotated.token.grant.roles == roles
    with pytest.raises(ForbiddenError, match="role: viewer, prod: editor"):
        control.tokens.rotate(
            Actor.holding(rotated.token),
            issued.token.id,
            Rotation(overlap_seconds=0),
            "dagstead",
        )
    # The trail has when, by whom, and no secret.
    row = store.trail.find(TrailFilter(act="tokens.rotate", result=Result.DONE))[0]
    assert set(row.said["after"]) == {"rotated_at"}
    assert rotated.secret not in row.line


def test_revoked_all_secrets_end(control: Control) -> None:
    issued = issue(control)
    rotated = rotate(control, issued.token.id)
    control.tokens.revoke(COMMAND_LINE, issued.token.id)
    assert not works(control, issued.secret)
    assert not works(control, rotated.secret)
    with pytest.raises(ConflictError, match="was revoked, and stays so"):
        rotate(control, issued.token.id)


def test_a_token_is_rotated_for_as_long_as_it_was_made_for(
    control: Control, clock: ManualClock
) -> None:
    issued = issue(control, TokenKind.USER)
    assert issued.token.expires_at == clock() + 90 * DAY
    clock.advance(80 * DAY)
    ends = issued.token.expires_at
    assert ends is not None
    rotated = rotate(control, issued.token.id, Rotation(overlap_seconds=30 * DAY))
    assert rotated.token.expires_at == clock() + 90 * DAY
    # The overlap gives a former secret no longer life than it had.
    assert rotated.former_ends_at == ends
    clock.advance(10 * DAY)
    assert not works(control, issued.secret)
    clock.advance(20 * DAY)
    assert rotate(control, issued.token.id).token.expires_at == clock() + 90 * DAY
    wanted = Rotation(overlap_seconds=0, lifetime=Lifetime(seconds=DAY))
    assert rotate(control, issued.token.id, wanted).token.expires_at == clock() + DAY
    forever = Rotation(overlap_seconds=0, lifetime=FOREVER)
    assert rotate(control, issued.token.id, forever).token.expires_at is None
    assert rotate(control, issued.token.id).token.expires_at is None


def test_an_expired_token_gets_a_new_secret_and_the_old_one_stays_expired(
    control: Control, clock: ManualClock
) -> None:
    issued = issue(control, lifetime=Lifetime(seconds=DAY))
    clock.advance(2 * DAY)
    rotated = rotate(control, issued.token.id)
    assert works(control, rotated.secret)
    assert not works(control, issued.secret)


def test_nobody_rotates_what_is_not_given_out(control: Control, store: Store) -> None:
    ci = make_token(
        control.tokens._backend,
        "ci",
        TokenKind.USER,
        Grant(repository="org/repo"),
        "dagstead",
    )
    pool = store.tokens.create(f"{POOL_PREFIX}here", TokenKind.POOL, "pool", Grant())
    with pytest.raises(ConflictError, match="of a CI job"):
        rotate(control, ci.token.id)
    with pytest.raises(ConflictError, match="the server's own pool"):
        rotate(control, pool.id)
    with pytest.raises(NotFoundError, match="no token 4711"):
        rotate(control, 4711)
    issued = issue(control)
    for seconds in (-1.0, 30 * DAY + 1):
        with pytest.raises(InvalidInputError, match="at most 30 days"):
            rotate(control, issued.token.id, Rotation(overlap_seconds=seconds))
    past = Rotation(overlap_seconds=0, lifetime=Lifetime(until=1.0))
    with pytest.raises(InvalidInputError, match="expired already"):
        rotate(control, issued.token.id, past)
    assert works(control, issued.secret)


def test_a_helper_for_a_day_makes_nobody_live_longer(control: Control, clock: ManualClock) -> None:
    helper = Actor.holding(issue(control, TokenKind.USER, Lifetime(seconds=DAY)).token)
    wanted = NewToken(name="ada", kind=TokenKind.USER).grant(clock())
    # It takes a moment to store it.
    clock.advance(0.3)
    issued = control.tokens.issue(COMMAND_LINE, "ada", TokenKind.USER, wanted, "dagstead")
    person = Actor.holding(issued.token)
    agent = issue(control)
    with pytest.raises(ForbiddenError, match="a longer life"):
        control.tokens.rotate(helper, agent.token.id, Rotation(overlap_seconds=0), "dagstead")
    with pytest.raises(ForbiddenError, match="a longer life"):
        control.sign_ins.new_link(helper)
    with pytest.raises(ForbiddenError, match="a longer life"):
        control.tokens.issue(helper, "x", TokenKind.AGENT, Grant(), "dagstead")
    # Whoever sets up a control plane has an end, and the agents have none.
    control.tokens.rotate(person, agent.token.id, Rotation(overlap_seconds=0), "dagstead")
    control.sign_ins.new_link(person)
    made = control.tokens.issue(person, "x", TokenKind.AGENT, Grant(), "dagstead")
    assert made.token.expires_at is None


def test_the_person_of_a_link_has_a_token_of_90_days(control: Control, clock: ManualClock) -> None:
    link = control.sign_ins.new_link(COMMAND_LINE)
    issued = control.sessions.use_link(link.code, "Ada", "dagstead")
    assert issued.token.expires_at == clock() + 90 * DAY


@pytest.mark.parametrize(
    ("kind", "lifetime", "quiet_days", "warned_days"),
    [
        (TokenKind.USER, None, 75, 77),
        (TokenKind.AGENT, Lifetime(seconds=365 * DAY), 350, 352),
        (TokenKind.USER, Lifetime(seconds=10 * DAY), 7, 9),
    ],
)
def test_the_end_of_a_token_is_announced(
    control: Control,
    clock: ManualClock,
    kind: TokenKind,
    lifetime: Lifetime | None,
    quiet_days: int,
    warned_days: int,
) -> None:
    def says() -> str:
        parts = {part.name: part for part in control.health.parts(COMMAND_LINE)}
        assert parts["tokens"].is_well
        return parts["tokens"].says

    issued = issue(control, kind, lifetime)
    issue(control, TokenKind.AGENT)
    clock.advance(quiet_days * DAY)
    assert says() == "No token expires soon."
    clock.advance((warned_days - quiet_days) * DAY)
    assert "Tokens expire soon: 'eu' in " in says()
    rotate(control, issued.token.id)
    assert says() == "No token expires soon."


def test_a_damaged_token_is_refused_without_the_database(control: Control, store: Store) -> None:
    secret = new_secret(TokenKind.AGENT, "dagstead")
    store.close()
    with pytest.raises(UnauthenticatedError, match="not whole: its last characters do not fit"):
        control.token_reader.of_secret(secret[:-1])


def test_it_is_noted_from_where_a_token_is_used(
    control: Control, store: Store, clock: ManualClock
) -> None:
    issued = issue(control)

    def call(address: str) -> list[str]:
        control.token_reader.of_secret(issued.secret, address)
        (token,) = store.tokens.all()
        return [each.address for each in token.used_from]

    assert call("10.0.0.1") == ["10.0.0.1"]
    # Not at every call: one address is noted every minute, new ones every ten seconds.
    assert call("10.0.0.2") == ["10.0.0.1"]
    clock.advance(10)
    assert call("10.0.0.1") == ["10.0.0.1"]
    assert store.tokens.all()[0].last_used_at == clock() - 10
    assert call("10.0.0.2") == ["10.0.0.2", "10.0.0.1"]
    clock.advance(60)
    assert call("10.0.0.1") == ["10.0.0.1", "10.0.0.2"]
    for number in range(3, 9):
        clock.advance(10)
        call(f"10.0.0.{number}")
    assert call("10.0.0.8") == [f"10.0.0.{number}" for number in (8, 7, 6, 5, 4)]


def test_the_code_of_a_pool_ends_with_the_last_token_of_the_pool(
    control: Control, store: Store
) -> None:
    tokens = [
        store.tokens.create("pool", TokenKind.POOL, name, Grant()).id for name in ("one", "two")
    ]
    worker = Worker(deployment="prod", location="weather")
    minter = Minter(pool="pool", agent_id="a1")
    store.workers.create(worker, "worker:dagstead:x", minter, lifetime_seconds=None)
    control.tokens.revoke(COMMAND_LINE, tokens[0])
    assert works(control, "worker:dagstead:x")
    control.tokens.revoke(COMMAND_LINE, tokens[1])
    assert not works(control, "worker:dagstead:x")


@pytest.mark.parametrize(("text", "seconds"), [("none", 0), ("0", 0), ("12h", 43200), ("1d", DAY)])
def test_an_overlap_is_a_length_of_time(text: str, seconds: float) -> None:
    assert read_overlap(text) == seconds
