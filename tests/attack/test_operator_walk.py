"""Every operation of the operator's surface, by every kind of caller, about what is not theirs.

The fields are found by walking the schema, and asked for everything that they have. A new field
fails here until it has a row in ``dagstead.operator_api.rights``, a new argument until there is
something of somebody else's to put in.
"""

from __future__ import annotations

import json

import httpx
import pytest
from dagster_graphql.schema import create_schema as create_open_source_schema
from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type
from websockets.exceptions import InvalidStatus

from dagstead.operator_api.rights import _NESTED, RIGHTS, Right, right_of
from dagstead.plane.roles import Permission
from dagstead.plane.tokens import Token
from tests.support.operator_questions import Questions, named_in
from tests.support.operator_scene import CALLERS, MARK, SCHEMA, Caller, Scene, scene_in
from tests.unit.server.conftest import Plane

pytestmark = [
    # Where one resolver of open-source Dagster fails, its siblings are never awaited.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def scene(plane: Plane) -> Scene:
    return scene_in(plane)


@pytest.fixture
def caller(request: pytest.FixtureRequest, scene: Scene) -> tuple[Caller, Token, str]:
    wanted = CALLERS[request.param]
    token, secret = scene.plane.token(wanted.kind, wanted.grant)
    return wanted, token, secret


def _path(scene: Scene, place: str | None) -> str:
    if place is None:
        return "/graphql"
    name = {"mine": scene.mine, "theirs": scene.theirs}.get(place, place)
    return f"/{name}/graphql"


def _leaks(answer: str, caller: Caller, asked: str) -> list[str]:
    """What an answer has that is planted elsewhere, or names without having been asked about it."""
    found = [
        piece
        for piece in answer.split(MARK)[1:]
        if not any(
            piece.split('"')[0].startswith("-") and each in piece.split('"')[0]
            for each in caller.sees
        )
    ]
    if "digits" in answer and "digits" not in asked and "in-theirs" not in caller.sees:
        found.append("digits")
    return found


def test_every_root_field_has_its_right() -> None:
    """Without a row here, nobody but holders of unlimited tokens gets an answer."""
    roots = {name for _operation, name, _field in Questions(schema=SCHEMA, names={}).roots()}
    assert roots - set(RIGHTS) == set(), "say in operator_api/rights.py what it needs"
    assert set(RIGHTS) - roots == set(), "these fields are gone"
    assert right_of("noSuchField") == Right(permission=Permission.ADMINISTER)


def test_there_is_something_to_ask_about_for_every_argument(scene: Scene) -> None:
    unknown = {
        f"{name}.{each}"
        for _operation, name, field in scene.questions.roots()
        for each in scene.questions.unknown(field)
    }
    assert unknown == set(), "say in _names what of somebody else's to put in"


def test_whoever_deploys_locations_reaches_no_type_of_dagster_beyond_these() -> None:
    """Fields that a deploy needs must not lead on to runs, jobs or assets."""
    reached: set[str] = set()
    ahead = [
        get_named_type(field.type)
        for _operation, name, field in Questions(schema=SCHEMA, names={}).roots()
        if right_of(name).for_locations
    ]
    while ahead:
        kind = ahead.pop()
        if isinstance(kind, GraphQLUnionType):
            ahead += SCHEMA.get_possible_types(kind)
        elif isinstance(kind, GraphQLObjectType) and kind.name not in reached:
            reached.add(kind.name)
            harmless = _NESTED.get(kind.name, kind.fields)
            ahead += [get_named_type(kind.fields[name].type) for name in harmless]
    of_dagster = set(create_open_source_schema().graphql_schema.type_map) & reached
    assert of_dagster == {
        "DefsKeyStateInfo",
        "DefsStateInfo",
        "DefsStateInfoEntry",
        "ErrorChainLink",
        "FeatureFlag",
        "Permission",
        "PythonError",
        "RepositoryLocation",
        "RepositoryMetadata",
        "UnauthorizedError",
        "Workspace",
        "WorkspaceLocationEntry",
    }


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_nobody_sees_or_changes_what_is_not_theirs(
    scene: Scene, client: httpx.Client, caller: tuple[Caller, Token, str]
) -> None:
    who, _token, secret = caller
    headers = {"Dagster-Cloud-Api-Token": secret}
    is_of_weather = who.grant.locations is not None
    before = scene.stored(who)
    asked = 0
    for place in who.places:
        for operation, name, field in scene.questions.roots():
            if operation == "subscription":
                continue
            body = scene.questions.ask(operation, name, field)
            path = _path(scene, place)
            # The first one in a deployment makes its storage.
            answer = client.post(path, json=body, headers=headers, timeout=120)
            where = f"{operation} {name} at {place}: {answer.text[:2000]}"
            assert answer.status_code in {200, 400, 403}, where
            assert "got invalid value" not in answer.text, where
            assert "annot query field" not in answer.text, where
            assert _leaks(answer.text, who, named_in(body)) == [], where
            if is_of_weather and not right_of(name).for_locations:
                assert answer.status_code == 403, where
            asked += 1
        now = scene.stored(who)
        assert now == before, place
    assert asked > 100


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_nobody_subscribes_to_what_is_not_theirs(
    scene: Scene, caller: tuple[Caller, Token, str]
) -> None:
    who, token, secret = caller
    for operation, name, field in scene.questions.roots():
        if operation != "subscription":
            continue
        body = scene.questions.ask(operation, name, field)
        with pytest.raises(InvalidStatus):
            scene.plane.socket("/prod/graphql", {"Dagster-Cloud-Api-Token": secret})
        if "staging" not in who.places or token.locations is not None:
            continue
        with scene.plane.socket("/staging/graphql", {"Dagster-Cloud-Api-Token": secret}) as socket:
            socket.send(json.dumps({"type": "start", "id": "1", "payload": body}))
            try:
                answer = str(socket.recv(1))
            except TimeoutError:
                # It waits for something to happen in its own deployment.
                continue
            assert _leaks(answer, who, named_in(body)) == []


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_no_page_of_another_deployment_opens(
    scene: Scene, client: httpx.Client, caller: tuple[Caller, Token, str]
) -> None:
    who, _token, secret = caller
    headers = {"Dagster-Cloud-Api-Token": secret, "Accept": "text/html"}
    others = ["prod", scene.theirs, "no-such"]
    if "in-theirs" in who.sees:
        others.remove(scene.theirs)
    for name in others:
        for path in (
            "/",
            "/locations",
            "/graphql",
            f"/logs/{scene.run_id}/compute_logs/step/err",
            f"/download_debug/{scene.run_id}",
            "/server_info",
            "/dagit_info",
            "/notebook?path=/etc/passwd&repoLocName=digits",
            "/static/x",
            "/assets/a",
        ):
            answer = client.get(f"/{name}{path}", headers=headers)
            is_open = name == "no-such" and who.grant.deployments is None
            assert answer.status_code == (404 if is_open else 403), (name, path, answer.text[:500])
            assert _leaks(answer.text, who, "digits") == []
        for path in ("materialization", "check", "observation"):
            answer = client.post(f"/{name}/report_asset_{path}/a", headers=headers, json={})
            assert answer.status_code in {403, 404}, (name, path)
