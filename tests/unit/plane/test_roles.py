"""Roles: what they include, where they hold, and which of them contradict each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.plane.roles import ADMIN, EDITOR, Permission, Role, RoleGrant, Roles, check_roles
from tests.support.environments import REPOSITORY

_ROLES = st.sampled_from(list(Role))
_DEPLOYMENTS = st.sampled_from(["prod", "staging"])
_LOCATIONS = st.sampled_from(["weather", "digits"])
EVERY = st.builds(
    Roles,
    default=_ROLES,
    grants=st.frozensets(
        st.builds(
            RoleGrant,
            role=_ROLES,
            deployment=st.none() | _DEPLOYMENTS,
            location=st.none() | _LOCATIONS,
        ),
        max_size=4,
    ),
)


def test_every_role_includes_those_before_it() -> None:
    assert list(Role) == [Role.VIEWER, Role.LAUNCHER, Role.EDITOR, Role.ADMIN]
    may = {role: {each.name for each in Permission if role.includes(each.least)} for role in Role}
    assert may[Role.VIEWER] == {"VIEW"}
    assert may[Role.LAUNCHER] == {"VIEW", "LAUNCH"}
    assert may[Role.ADMIN] - may[Role.EDITOR] == {"ADMINISTER"}
    assert may[Role.ADMIN] == {each.name for each in Permission}


@given(EVERY, _DEPLOYMENTS, _LOCATIONS, st.booleans())
def test_a_role_at_a_location_adds_to_that_of_its_deployment(
    roles: Roles,
    deployment: str,
    location: str,
    is_branch: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    whole = roles.of(deployment, is_branch=is_branch)
    here = roles.at(deployment, location, is_branch=is_branch)
    somewhere = roles.somewhere(deployment, is_branch=is_branch)
    assert here.includes(whole)
    assert somewhere.includes(here)
    assert roles.most.includes(somewhere)
    assert whole.includes(roles.least)


@given(EVERY)
def test_what_is_stored_is_read_again(roles: Roles) -> None:
    assert Roles.from_json(roles.as_json()) == roles


def test_the_nearest_grant_counts() -> None:
    roles = Roles(
        default=Role.LAUNCHER,
        grants=frozenset(
            {
                RoleGrant(role=Role.VIEWER, deployment="prod"),
                RoleGrant(role=Role.EDITOR, deployment="prod", location="weather"),
                RoleGrant(role=Role.ADMIN, deployment=None),
                RoleGrant(role=Role.VIEWER, deployment="b1"),
            }
        ),
    )
    check_roles(roles)
    assert roles.of("staging", is_branch=False) is Role.LAUNCHER
    assert roles.of("prod", is_branch=False) is Role.VIEWER
    assert roles.at("prod", "digits", is_branch=False) is Role.VIEWER
    assert roles.at("prod", "weather", is_branch=False) is Role.EDITOR
    assert roles.at("staging", "weather", is_branch=False) is Role.LAUNCHER
    assert roles.of("b1", is_branch=True) is Role.VIEWER
    assert roles.of("b2", is_branch=True) is roles.of_branches is Role.ADMIN
    assert str(roles) == (
        "launcher, b1: viewer, prod: viewer, prod/weather: editor, branch deployments: admin"
    )


def test_tokens_of_people_and_of_ci_have_their_own_default() -> None:
    assert (str(ADMIN), str(EDITOR)) == ("admin", "editor")


@pytest.mark.parametrize(
    ("grants", "says"),
    [
        (
            [
                RoleGrant(role=Role.VIEWER, deployment="prod"),
                RoleGrant(role=Role.ADMIN, deployment="prod"),
            ],
            "There are two roles for prod.",
        ),
        (
            [RoleGrant(role=Role.LAUNCHER, deployment="prod", location="weather")],
            "prod/weather=launcher gives nothing",
        ),
        ([RoleGrant(role=Role.ADMIN, deployment=None, location="weather")], "needs the deployment"),
    ],
)
def test_contradictions_are_refused(grants: list[RoleGrant], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        check_roles(Roles(default=Role.EDITOR, grants=frozenset(grants)))


def test_the_page_of_roles_has_the_table() -> None:
    page = (REPOSITORY / "docs" / "operate" / "roles.md").read_text(encoding="utf-8")
    for permission in Permission:
        marks = " | ".join("yes" if role.includes(permission.least) else "" for role in Role)
        assert f"| {permission.description} | {marks} |\n" in page
