"""Which secrets reach which code."""

from __future__ import annotations

import pytest

from dagstead.agent_api.secrets import KnownNames, secrets_for, secrets_from_environment
from dagstead.plane.deployments import Branch, Deployment, DeploymentKind
from tests.unit.agent_api.conftest import SECRETS, Wire

PREVIEW = "0f" * 16
NAMES = KnownNames(
    deployments=frozenset({"prod", "eu-west", "eu_east", "a-b", "a_b", "c-d_e", "c_d-e", PREVIEW}),
    locations=frozenset({"weather", "etl.daily", "x-y", "x_y"}),
)

#: What is set, and where, as deployment and location, it goes. Nowhere if it has no place here.
PLACES: dict[str, set[tuple[str, str]]] = {
    "S__prod": {("prod", "weather"), ("prod", "etl.daily"), ("prod", "x-y"), ("prod", "x_y")},
    "S__prod__weather": {("prod", "weather")},
    "S__prod__etl_daily": {("prod", "etl.daily")},
    "S__prod__etl.daily": {("prod", "etl.daily")},
    "S__prod__x_y": {("prod", "x_y")},
    "S__prod__x-y": {("prod", "x-y")},
    "S__eu_west__weather": {("eu-west", "weather")},
    "S__eu-west__weather": {("eu-west", "weather")},
    "S__eu_east__weather": {("eu_east", "weather")},
    "S__a_b__weather": {("a_b", "weather")},
    "S__a-b__weather": {("a-b", "weather")},
    "S__c_d_e__weather": set(),
    f"S__{PREVIEW}__weather": {(PREVIEW, "weather")},
    "S__PROD__weather": set(),
    "S__nowhere": set(),
    "S__prod__nothing": set(),
    "S__": set(),
    "S____weather": set(),
    "S__prod__": set(),
}


def deployment(name: str, *, base: str | None = None) -> Deployment:
    """Of a branch where the name is PREVIEW."""
    kind = DeploymentKind.BRANCH if name == PREVIEW else DeploymentKind.FULL
    return Deployment(id=1, name=name, kind=kind, created_at=0.0, base=base)


def given(variables: dict[str, str], name: str, location: str | None) -> dict[str, str]:
    """What code gets, when the server has these variables."""
    set_ones = {f"DAGSTEAD_SECRET_{key}": value for key, value in variables.items()}
    base = "prod" if name == PREVIEW else None
    secrets = secrets_from_environment({**set_ones, "PATH": "/usr/bin"})
    found = secrets_for(secrets, deployment(name, base=base), location, NAMES)
    return {secret.name: secret.value for secret in found}


@pytest.mark.parametrize("written", PLACES)
def test_a_scope_means_one_place(written: str) -> None:
    reached = {
        (name, location)
        for name in NAMES.deployments
        for location in NAMES.locations
        if given({written: "v"}, name, location)
    }
    assert reached == PLACES[written]


def test_one_for_all_reaches_full_deployments_and_no_branch_deployment() -> None:
    for name in NAMES.deployments:
        for location in (None, "weather", "new"):
            expected = {} if name == PREVIEW else {"S": "v"}
            assert given({"S": "v"}, name, location) == expected, (name, location)


def test_the_one_for_fewer_places_wins() -> None:
    variables = {"S": "all", "S__prod": "prod", "S__prod__weather": "weather"}
    assert given(variables, "eu-west", "weather") == {"S": "all"}
    assert given(variables, "prod", "x-y") == {"S": "prod"}
    assert given(variables, "prod", None) == {"S": "prod"}
    assert given(variables, "prod", "weather") == {"S": "weather"}


def test_a_secret_is_not_in_what_is_printed_of_it() -> None:
    assert "hunter2" not in repr(secrets_from_environment({"DAGSTEAD_SECRET_S__prod": "hunter2"}))


QUERY = """query($l: String) {
  scopedSecrets(locationName: $l) { secretName secretValue locationNames }
}"""


def asked(wire: Wire, name: str, location: str | None) -> set[str]:
    """The names of what an agent gets."""
    answer = wire.call(
        "POST",
        "/graphql",
        json={"query": QUERY, "variables": {"l": location}},
        headers={"Dagster-Cloud-Deployment": name},
    )
    return {each["secretName"] for each in answer.json()["data"]["scopedSecrets"]}


def test_agents_get_them_by_deployment_and_location(wire: Wire) -> None:
    branch = Branch(repo_name="shop", branch_name="secrets")
    preview = wire.store.deployments.create_or_update_branch(branch, base="prod").name

    assert len(SECRETS) == 3
    assert asked(wire, "prod", "weather") == {"FOR_ALL", "FOR_PROD", "FOR_WEATHER"}
    assert asked(wire, "prod", None) == {"FOR_ALL", "FOR_PROD"}
    assert asked(wire, "staging", "weather") == {"FOR_ALL"}
    assert asked(wire, preview, "weather") == set()
    assert asked(wire, preview, None) == set()
