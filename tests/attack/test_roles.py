"""Every mutation, found by walking the schema, in every role.

They are about the deployment prod, its location digits, and the organization.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from dagstead.control.actor import SYSTEM
from dagstead.operator_api.rights import right_of
from dagstead.plane.roles import Permission, Role, RoleGrant, Roles
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.databases_below import databases_below
from tests.support.operator_scene import MINE, Scene, scene_in
from tests.unit.server.conftest import Plane

pytestmark = [
    # Where one resolver of open-source Dagster fails, its siblings are never awaited.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_VIEWER = Roles(default=Role.VIEWER)

#: They change nothing for anybody.
HARMLESS = {"logTelemetry", "markCliEvent"}

#: The full deployment that they are asked about.
DELETING = {"deleteDeployment", "removeDeployment"}

#: What is said to those whose role, or token, does not do.
REFUSALS = ("It takes the role", "needs a token for all deployments", "is not part of that")


def _more(role: Role, deployment: str | None, location: str | None = None) -> Roles:
    grant = RoleGrant(role=role, deployment=deployment, location=location)
    return Roles(default=Role.VIEWER, grants=frozenset({grant}))


VIEWERS: Mapping[str, Grant] = {
    "of everything": Grant(roles=_VIEWER),
    "of prod": Grant(deployments=["prod"], branch_deployments=False, roles=_VIEWER),
    "in CI": Grant(deployments=["prod"], repository="org/mine", project=MINE, roles=_VIEWER),
    "in CI, of a location": Grant(deployments=["prod"], locations=["digits"], roles=_VIEWER),
}
#: They may store files of their own, and open branch deployments if they are more there.
MORE_ELSEWHERE: Mapping[str, Grant] = {
    "admin of staging": Grant(roles=_more(Role.ADMIN, "staging")),
    "admin of weather": Grant(roles=_more(Role.ADMIN, "prod", "weather")),
}


@pytest.fixture(scope="module")
def scene(plane: Plane) -> Scene:
    # It is made when it is first needed: to sign an address.
    plane.control.secrets.require_key(SYSTEM)
    return scene_in(plane)


def _mutations(scene: Scene) -> Iterator[tuple[str, dict[str, Any]]]:
    for operation, name, field in scene.questions.roots():
        if operation == "mutation":
            yield name, scene.questions.ask(operation, name, field, depth=1)


def _asked(client: httpx.Client, secret: str, body: Mapping[str, Any]) -> str:
    headers = {"Dagster-Cloud-Api-Token": secret}
    answer = client.post("/prod/graphql", json=body, headers=headers, timeout=120)
    assert answer.status_code in {200, 400, 403}, answer.text[:2000]
    for mistake in ("got invalid value", "annot query field"):
        assert mistake not in answer.text, answer.text[:2000]
    return answer.text


@pytest.mark.parametrize("viewer", [*VIEWERS, *MORE_ELSEWHERE])
def test_a_viewer_changes_nothing(scene: Scene, client: httpx.Client, viewer: str) -> None:
    grant = {**VIEWERS, **MORE_ELSEWHERE}[viewer]
    _, secret = scene.plane.token(TokenKind.USER, grant)
    # The first question in a deployment makes its storage.
    _asked(client, secret, {"query": "{ version }"})
    before = databases_below(scene.plane.settings.data)
    let_in = set()
    for name, body in _mutations(scene):
        answer = _asked(client, secret, body)
        if not any(sentence in answer for sentence in REFUSALS):
            let_in.add(name)
        assert databases_below(scene.plane.settings.data) == before, name
    assert "markCliEvent" in let_in
    if viewer in VIEWERS:
        assert let_in <= HARMLESS


@pytest.mark.parametrize("role", Role)
def test_the_ui_greys_what_a_role_may_not_do(
    scene: Scene, client: httpx.Client, role: Role
) -> None:
    more = _more(Role.ADMIN, "prod", "weather").grants
    roles = Roles(default=role, grants=frozenset() if role is Role.ADMIN else more)
    _, secret = scene.plane.token(TokenKind.USER, Grant(roles=roles))
    answer = _asked(
        client,
        secret,
        {
            "query": "{ permissions { permission value disabledReason } workspaceOrError { "
            "... on Workspace { locationEntries { name permissions { permission value } } } } }"
        },
    )
    data = httpx.Response(200, text=answer).json()["data"]
    found = {each["permission"]: each for each in data["permissions"]}
    here = {name for name, each in found.items() if each["value"]}
    assert ("launch_pipeline_execution" in here) is role.includes(Role.LAUNCHER)
    assert ("delete_pipeline_run" in here) is role.includes(Role.LAUNCHER)
    assert ("start_schedule" in here) is role.includes(Role.EDITOR)
    assert ("reload_workspace" in here) is role.includes(Role.EDITOR)
    assert role is not Role.VIEWER or here == set()
    if role is Role.VIEWER:
        assert found["wipe_assets"]["disabledReason"] == (
            "This takes the role editor, and your role here is viewer."
        )
    entries = {
        entry["name"]: {each["permission"] for each in entry["permissions"] if each["value"]}
        for entry in data["workspaceOrError"]["locationEntries"]
    }
    assert "wipe_assets" in entries["weather"]
    assert ("wipe_assets" in entries["digits"]) is role.includes(Role.EDITOR)


@pytest.mark.parametrize(
    ("selection", "is_member"),
    [
        ("__typename ... on UnauthorizedError { message }", True),
        ("__typename ... on PythonError { message }", True),
        ("... on Error { __typename message }", True),
        ("...text", True),
        ("__typename", False),
        ("__typename ... on UnauthorizedError { __typename }", False),
    ],
)
def test_the_client_reads_which_role_it_takes(
    scene: Scene, client: httpx.Client, selection: str, *, is_member: bool
) -> None:
    """Some official commands show only the name of a member whose text they do not ask for."""
    _, secret = scene.plane.token(TokenKind.USER, Grant(roles=_VIEWER))
    fragment = "fragment text on PythonError { message }" if "...text" in selection else ""
    answer = _asked(
        client,
        secret,
        {"query": f'mutation {{ f: terminateRun(runId: "x") {{ {selection} }} }} {fragment}'},
    )
    found = httpx.Response(200, text=answer).json()
    text = found["data"]["f"]["message"] if is_member else found["errors"][0]["message"]
    assert "has the role viewer in prod. It takes the role launcher to launch" in text


@pytest.mark.parametrize("what", ["materialization", "check", "observation"])
def test_a_viewer_reports_nothing_of_assets(scene: Scene, client: httpx.Client, what: str) -> None:
    body = {"check_name": "c", "passed": True}
    answers = {}
    for role in (Role.VIEWER, Role.LAUNCHER, Role.EDITOR):
        headers = scene.plane.headers(TokenKind.USER, Grant(roles=Roles(default=role)))
        before = databases_below(scene.plane.settings.data)
        answer = client.post(f"/prod/report_asset_{what}/a", headers=headers, json=body)
        answers[role] = (answer.status_code, databases_below(scene.plane.settings.data) == before)
        if role is Role.VIEWER:
            assert "has the role viewer in prod. It takes the role editor" in answer.json()["error"]
    # The number is that of open-source Dagster.
    assert answers[Role.VIEWER] == answers[Role.LAUNCHER] == (401, True)
    assert answers[Role.EDITOR] == (200, False)


@pytest.mark.parametrize("role", Role)
def test_a_role_may_ask_for_what_the_table_says(
    scene: Scene, client: httpx.Client, role: Role
) -> None:
    """Nothing is said of what they find there: the location is not loaded."""
    _, secret = scene.plane.token(TokenKind.USER, Grant(roles=Roles(default=role)))
    asked = 0
    for name, body in _mutations(scene):
        permission = right_of(name).permission
        if permission is Permission.ADMINISTER or name in DELETING:
            # For admins of the whole organization: tests/unit/operator_api/test_authorization.py.
            continue
        answer = _asked(client, secret, body)
        is_refused = "It takes the role" in answer
        assert is_refused is not role.includes(permission.least), (name, answer[:2000])
        asked += 1
    assert asked > 50
