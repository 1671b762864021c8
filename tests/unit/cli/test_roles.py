"""The roles of tokens and of trust policies, by the command line."""

from __future__ import annotations

import json

import pytest

from dagstead.plane.roles import EDITOR, Role, RoleGrant, Roles
from tests.unit.cli.conftest import Command
from tests.unit.cli.planes import Served

GITHUB = (
    *("trust", "add", "--issuer", "github", "--repository", "org/repo"),
    *("--branch", "main", "--deployment", "prod"),
)


@pytest.fixture(scope="module", autouse=True)
def _eu(plane: Served) -> None:
    plane.store.deployments.create("eu")


def test_a_token_has_the_roles_that_were_asked_for(remote: Command, plane: Served) -> None:
    said = remote(
        *("token", "create", "--name", "grace", "--role", "viewer", "--role", "eu=admin"),
        *("--role", "prod/a=b=launcher", "--branch-role", "editor"),
    )
    wanted = Roles(
        default=Role.VIEWER,
        grants=frozenset(
            {
                RoleGrant(role=Role.ADMIN, deployment="eu"),
                RoleGrant(role=Role.LAUNCHER, deployment="prod", location="a=b"),
                RoleGrant(role=Role.EDITOR, deployment=None),
            }
        ),
    )
    text = "viewer, eu: admin, prod/a=b: launcher, branch deployments: editor"
    assert plane.store.tokens.authenticate(said.out.strip()).roles == wanted
    assert f"Role: {text}." in said.err
    listed = json.loads(remote("token", "list", "--format", "json").out)
    assert {each["name"]: each["role"] for each in listed}["grace"] == text


def test_a_token_of_which_nothing_is_said_may_do_everything(remote: Command, plane: Served) -> None:
    said = remote("token", "create", "--name", "ada")
    assert plane.store.tokens.authenticate(said.out.strip()).is_unlimited
    assert "Role: admin." in said.err
    agent = remote("token", "create", "--name", "eu", "--kind", "agent")
    assert "Role:" not in agent.err


def test_jobs_are_editors_unless_the_policy_says_otherwise(remote: Command, plane: Served) -> None:
    assert "in the role editor." in remote(*GITHUB).out
    assert "in the role viewer." in remote(*GITHUB, "--role", "viewer").out
    given = [policy.allowed.roles for policy in plane.store.trust.all()]
    assert given == [EDITOR, Roles(default=Role.VIEWER)]
    listed = json.loads(remote("trust", "list", "--format", "json").out)
    assert [each["role"] for each in listed] == ["editor", "viewer"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--role chief", "the roles are: viewer, launcher, editor, admin"),
        ("--role nope=viewer", "There is no deployment 'nope'."),
        ("--role prod/=viewer", "is not of the form"),
        ("--role =viewer", "is not of the form"),
        ("--role viewer --role editor", "names two roles for everything"),
        ("--role prod=viewer --role prod=editor", "There are two roles for prod."),
        ("--role prod/a=editor", "prod/a=editor gives nothing"),
        ("--kind agent --role viewer", "Roles are for people and CI"),
        (
            "--deployment prod --branch-role viewer",
            "a role for branch deployments, which the token does not grant",
        ),
    ],
)
def test_roles_that_mean_nothing_are_refused(
    remote: Command, plane: Served, words: str, says: str
) -> None:
    before = plane.store.tokens.all()
    said = remote("token", "create", "--name", "ada", *words.split())
    assert (said.code, says in said.err) == (2, True), said
    assert len(plane.store.tokens.all()) == len(before)


def test_a_policy_gives_no_role_in_what_it_does_not_grant(remote: Command) -> None:
    said = remote(*GITHUB, "--role", "eu=viewer")
    assert (said.code, "a role for eu, which the token does not grant" in said.err) == (2, True)


def test_a_viewer_administers_nothing(
    remote: Command, dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remote("token", "create", "--name", "grace", "--role", "viewer").out.strip()
    monkeypatch.setenv("DAGSTER_CLOUD_URL", plane.url)
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", made)
    listed = dagstead("token", "list")
    assert (listed.code, "It takes the role admin" in listed.err) == (1, True), listed
    assert dagstead("deployment", "list").code == 0
    removed = dagstead("secret", "remove", "KEY", "--deployment", "prod")
    assert (removed.code, "It takes the role editor" in removed.err) == (1, True), removed
