"""Nobody grants more than they hold, and only unlimited people act on the whole organization."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagstead.control.actor import COMMAND_LINE, NOBODY, Actor
from dagstead.control.all import Control
from dagstead.errors import ForbiddenError, LastDeploymentError
from dagstead.plane.roles import EDITOR, Role, RoleGrant, Roles
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Provider
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.stores import empty_store

ENDS = 2_000_000_100.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = empty_store(tmp_path, ManualClock())
    opened.deployments.create("prod")
    yield opened
    opened.close()


MOSTLY_EDITOR = Roles(
    default=Role.EDITOR, grants=frozenset({RoleGrant(role=Role.VIEWER, deployment="prod")})
)


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


def token(store: Store, kind: TokenKind = TokenKind.USER, **grant: Any) -> Token:
    return store.tokens.create("held", kind, str(grant), Grant(**grant))


@pytest.mark.parametrize(
    ("held", "wanted", "excess"),
    [
        ({}, {}, None),
        ({}, {"deployments": ["prod"], "queues": ["gpu"], "expires_at": ENDS}, None),
        ({"deployments": ["prod"]}, {"deployments": ["prod"]}, None),
        ({"deployments": ["prod"]}, {}, "deployments"),
        ({"deployments": ["prod"]}, {"deployments": ["prod", "staging"]}, "deployments"),
        ({"queues": ["gpu"]}, {"queues": ["gpu", None]}, "agent queues"),
        ({"queues": ["gpu", None]}, {"queues": [None]}, None),
        ({"locations": ["weather"]}, {"locations": None}, "code locations"),
        ({"repository": "org/a"}, {"repository": "org/a"}, None),
        ({"repository": "org/a"}, {"repository": "org/b"}, "branch deployments"),
        ({"repository": "org/a"}, {}, "branch deployments"),
        (
            {"deployments": ["prod"], "branch_deployments": False},
            {"deployments": ["prod"]},
            "branch deployments",
        ),
        ({"expires_at": ENDS}, {}, "a longer life"),
        ({"expires_at": ENDS}, {"expires_at": ENDS + 1}, "a longer life"),
        ({"expires_at": ENDS}, {"expires_at": ENDS}, None),
        ({"roles": EDITOR}, {"roles": EDITOR}, None),
        ({"roles": EDITOR}, {}, "a more powerful role"),
        ({}, {"roles": Roles(default=Role.VIEWER)}, None),
        (
            {"roles": MOSTLY_EDITOR},
            {"roles": EDITOR},
            "a more powerful role",
        ),
    ],
)
def test_what_a_grant_has_more(
    store: Store, held: dict[str, Any], wanted: dict[str, Any], excess: str | None
) -> None:
    assert token(store, **held).excess(Grant(**wanted)) == excess


def test_a_token_that_ends_makes_none_that_does_not(store: Store, control: Control) -> None:
    actor = Actor.holding(token(store, expires_at=ENDS))
    with pytest.raises(ForbiddenError, match="more than it holds.*a longer life"):
        control.tokens.issue(actor, "ada", TokenKind.USER, Grant(), "dagstead")
    issued = control.tokens.issue(actor, "ada", TokenKind.USER, Grant(expires_at=ENDS), "dagstead")
    assert store.tokens.authenticate(issued.secret).expires_at == ENDS


def test_a_policy_grants_no_more_than_its_maker_holds(store: Store, control: Control) -> None:
    allowed = JobGrant(
        deployments=frozenset({"prod"}), branch_deployments=False, locations=None, minutes=60
    )
    wanted = JobFilter(repository="org/repo", branch="main", claims={})
    new = NewPolicy(issuer="github", provider=Provider.GITHUB, wanted=wanted, allowed=allowed)
    with pytest.raises(ForbiddenError, match="a longer life"):
        control.trust.add(Actor.holding(token(store, expires_at=ENDS)), new, loopback=False)
    assert control.trust.add(Actor.holding(token(store)), new, loopback=False).id == 1


@pytest.mark.parametrize(
    ("kind", "grant"),
    [
        (TokenKind.USER, {"deployments": ["prod"]}),
        (TokenKind.USER, {"locations": ["weather"]}),
        (TokenKind.AGENT, {}),
    ],
)
def test_who_is_limited_in_any_way_creates_nothing(
    store: Store, control: Control, kind: TokenKind, grant: dict[str, Any]
) -> None:
    actor = Actor.holding(token(store, kind, **grant))
    with pytest.raises(ForbiddenError, match="needs a token for all deployments"):
        control.deployments.create(actor, "staging")
    assert [each.name for each in store.deployments.all()] == ["prod"]


def test_a_caller_who_was_not_recognised_is_nobody(store: Store, control: Control) -> None:
    with pytest.raises(ForbiddenError, match="needs a token"):
        control.locations.all(NOBODY, store.deployments.get("prod"))
    assert control.deployments.granted(NOBODY) == []


def test_the_last_full_deployment_stays_whoever_deletes_it(store: Store) -> None:
    orchestration = NoDagster()
    deployments = control_without_dagster(store, orchestration).deployments
    with pytest.raises(LastDeploymentError, match="'prod' is the last full deployment"):
        deployments.delete(COMMAND_LINE, store.deployments.get("prod"))
    store.deployments.create("staging")
    deployments.delete(COMMAND_LINE, store.deployments.get("prod"))
    assert orchestration.dropped == ["prod"]
