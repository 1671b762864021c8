"""Every kind of caller asks for every secret in every way, and gets those that are for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import httpx
import pytest
from dagster_cloud.secrets.loader import SECRETS_QUERY as OF_AGENTS
from dagster_dg_cli.utils.plus import gql

from dagstead.client.certificates import certificates_for
from dagstead.control.actor import SYSTEM
from dagstead.plane.deployments import Branch
from dagstead.plane.secrets import SecretKind, SecretTarget
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.releases import deploy, new_location
from tests.unit.cli.planes import Served, served

OF_APP = "org/app"

#: Every value that is set, by a name of its own, and for whom.
PLACES = {
    "everybody": SecretTarget(),
    "prod": SecretTarget(deployment="prod"),
    "prod-etl": SecretTarget(deployment="prod", locations=frozenset({"etl"})),
    "prod-gpu": SecretTarget(deployment="prod", locations=frozenset({"gpu"})),
    "prod-branches": SecretTarget(deployment="prod", kinds=frozenset({SecretKind.BRANCHES})),
    "prod-local": SecretTarget(deployment="prod", kinds=frozenset({SecretKind.LOCAL})),
    "staging": SecretTarget(deployment="staging"),
    "staging-branches": SecretTarget(deployment="staging", kinds=frozenset({SecretKind.BRANCHES})),
    "staging-local": SecretTarget(deployment="staging", kinds=frozenset({SecretKind.LOCAL})),
    "mine": SecretTarget(deployment="the pull request's"),
    "another's": SecretTarget(deployment="a pull request's of another repository"),
}

_USER, _AGENT = TokenKind.USER, TokenKind.AGENT
_ON_PROD = Grant(deployments=["prod"], branch_deployments=False)

#: Callers, and all that they may ever see.
CALLERS: dict[str, tuple[TokenKind, Grant, set[str]]] = {
    "administrator": (_USER, Grant(), {"prod-local", "staging-local"}),
    "person": (_USER, _ON_PROD, {"prod-local"}),
    "CI of main": (
        _USER,
        Grant(deployments=["prod"], branch_deployments=False, repository=OF_APP),
        {"everybody", "prod", "prod-etl", "prod-gpu"},
    ),
    "CI of etl": (
        _USER,
        Grant(deployments=["prod"], branch_deployments=False, repository=OF_APP, locations=["etl"]),
        {"everybody", "prod", "prod-etl"},
    ),
    "pull request": (_USER, Grant(deployments=[], repository=OF_APP), {"prod-branches", "mine"}),
    "static CI": (
        _USER,
        Grant(deployments=["staging"], branch_deployments=False, secret_values=["full"]),
        {"everybody", "staging"},
    ),
    "agent": (
        _AGENT,
        Grant(),
        {each for each in PLACES if not each.endswith("-local")},
    ),
    "agent of a queue": (
        _AGENT,
        Grant(deployments=["prod"], branch_deployments=False, queues=["cpu"]),
        {"everybody", "prod", "prod-etl"},
    ),
    "agent of staging": (
        _AGENT,
        Grant(deployments=["staging"], branch_deployments=False),
        {"everybody", "staging"},
    ),
    "revoked": (_USER, Grant(), set()),
    "nobody": (_USER, Grant(), set()),
}

_SCOPES = ("fullDeploymentScope", "allBranchDeploymentsScope", "localDeploymentScope")
_OURS = "query ($d: String) { storedSecrets(deploymentName: $d) { secretName secretValue } }"


@dataclass(frozen=True)
class Scene:
    """A control plane with secrets everywhere."""

    plane: Served
    deployments: dict[str, str]

    def value(self, place: str) -> str:
        return f"planted {place} {'of ' * 3}one"

    def headers(self, caller: str) -> dict[str, str]:
        kind, grant, _ = CALLERS[caller]
        token, secret = self.plane.issued(grant, kind)
        if caller == "revoked":
            self.plane.store.tokens.revoke(token.id)
        return {} if caller == "nobody" else {"Dagster-Cloud-Api-Token": secret}


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    with served(folder) as plane:
        store = plane.store
        store.deployments.create("staging")
        branches = {
            "the pull request's": (OF_APP, "prod"),
            "a pull request's of another repository": ("org/other", "staging"),
        }
        names = {
            "prod": "prod",
            "staging": "staging",
            **{
                name: store.deployments.create_or_update_branch(
                    Branch(repo_name=repository, branch_name="f"), base
                ).name
                for name, (repository, base) in branches.items()
            },
        }
        for name in names.values():
            store.deployments.set_settings(name, {"releases": {"unserved_queue": "wait"}})
        for location, queue in (("etl", "cpu"), ("gpu", "gpu")):
            deploy(store, "prod", [new_location(location, "1", queue=queue)])
        found = Scene(plane, names)
        for place, target in PLACES.items():
            deployment = target.deployment and names[target.deployment]
            chosen = SecretTarget(
                kinds=target.kinds, deployment=deployment, locations=target.locations
            )
            # Names are all different: else one would hide another.
            name = f"KEY_OF_{place.replace('-', '_').replace(chr(39), '')}"
            plane.control.secrets.set(SYSTEM, name, found.value(place), chosen)
        yield found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene")) as found:
        yield found


@pytest.fixture
def client(planted: Scene) -> Iterator[httpx.Client]:
    url = planted.plane.url
    with httpx.Client(
        base_url=url, verify=certificates_for(url), trust_env=False, timeout=60
    ) as client:
        yield client


def questions(planted: Scene) -> Iterator[tuple[str | None, str, Mapping[str, object]]]:
    """A deployment, a document and its variables: everything that answers with secrets."""
    everywhere = [None, *planted.deployments.values()]
    for deployment in everywhere:
        for count in range(4):
            chosen = dict.fromkeys(_SCOPES[:count], True)
            for scopes in (chosen, {scope: True for scope in _SCOPES if scope not in chosen}):
                yield deployment, gql.SECRETS_QUERY, {"scopes": scopes}
                named = {"scopes": scopes, "locationName": "gpu", "secretName": "KEY_OF_prod"}
                yield deployment, gql.GET_SECRETS_FOR_SCOPES_QUERY, named
        for other in planted.deployments.values():
            one = {"scopes": {"specificBranchDeploymentScope": other}}
            yield deployment, gql.SECRETS_QUERY, one
        for listed in everywhere:
            yield deployment, _OURS, {"d": listed}
        for location in (None, "etl", "gpu", "new", "ETL", "gpu "):
            yield deployment, OF_AGENTS, {"locationName": location}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_sees_what_is_for_it_and_nothing_else(
    planted: Scene, client: httpx.Client, caller: str
) -> None:
    headers, may_see = planted.headers(caller), CALLERS[caller][2]
    seen: set[str] = set()
    for number, (deployment, document, variables) in enumerate(questions(planted)):
        answer = client.post(
            f"/{deployment}/graphql" if deployment and number % 5 == 0 else "/graphql",
            json={"query": document, "variables": variables},
            headers={**headers, **({"Dagster-Cloud-Deployment": deployment} if deployment else {})},
        )
        assert answer.status_code < 500, (deployment, document, answer.text)
        seen |= {place for place in PLACES if planted.value(place) in answer.text}
    assert seen == may_see


@pytest.mark.parametrize("caller", [each for each in CALLERS if each != "administrator"])
def test_nobody_sets_what_code_of_others_gets(
    planted: Scene, client: httpx.Client, caller: str
) -> None:
    """Only who may change a whole deployment sets its secrets: a pull request its own one."""
    own = {"person": {"prod"}, "CI of main": {"prod"}, "static CI": {"staging"}}
    own["pull request"] = {planted.deployments["the pull request's"]}
    headers = planted.headers(caller)
    set_in: set[str] = set()
    for deployment, scopes in product(
        planted.deployments.values(), (*({each: True} for each in _SCOPES), None)
    ):
        chosen: Mapping[str, object] = scopes or {"specificBranchDeploymentScope": deployment}
        answer = client.post(
            f"/{deployment}/graphql",
            json={
                "query": gql.CREATE_OR_UPDATE_SECRET_FOR_SCOPES_MUTATION,
                "variables": {"secretName": "NEW", "secretValue": "v", "scopes": chosen},
            },
            headers=headers,
        )
        assert answer.status_code < 500
        if "CreateOrUpdateSecretSuccess" in answer.text:
            set_in.add(deployment)
    for name in (None, *planted.deployments.values()):
        target: dict[str, object] = {"scopes": [], "deploymentName": name, "locationNames": []}
        for change in (
            'setSecret(name: "NEW", value: "v", target: $t)',
            'removeSecret(name: "NEW", target: $t)',
        ):
            body = {
                "query": f"mutation ($t: SecretTargetInput!) {{ f: {change} }}",
                "variables": {"t": target},
            }
            answer = client.post("/prod/graphql", json=body, headers=headers)
            if (answer.json().get("data") or {}).get("f"):
                set_in.add(str(name))
    assert set_in == own.get(caller, set())


def test_the_key_is_for_administrators(planted: Scene, client: httpx.Client) -> None:
    before = planted.plane.control.secrets.key(SYSTEM)
    for caller, document in product(
        CALLERS,
        ("{ masterKey { current } }", "mutation { rotateMasterKey(lost: true) { current } }"),
    ):
        if caller != "administrator":
            answer = client.post(
                "/prod/graphql", json={"query": document}, headers=planted.headers(caller)
            )
            assert not answer.json().get("data"), caller
    assert planted.plane.control.secrets.key(SYSTEM) == before


@pytest.mark.parametrize(
    "variables",
    [
        {"secretName": "KEY"},
        {"secretName": "1KEY"},
        {"secretName": "KEY", "scopes": {"nope": True}},
        {"secretName": 5},
        {"secretName": "KEY\0"},
        {"secretName": "KEY", "locationName": "\0"},
        {"secretName": "KEY", "scopes": {"specificBranchDeploymentScope": "nope"}},
    ],
)
def test_a_value_that_is_refused_is_not_logged_nor_sent_back(
    planted: Scene,
    client: httpx.Client,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, object],
) -> None:
    caplog.set_level(logging.DEBUG)
    value = "hunter2-hunter2"
    headers = planted.headers("administrator")
    scopes = {"fullDeploymentScope": True}
    for more in (
        {"secretValue": f"{value}\0"},
        {"secretValue": {"text": value}},
        {"secretValue": value},
    ):
        body = {
            "query": gql.CREATE_OR_UPDATE_SECRET_FOR_SCOPES_MUTATION,
            "variables": {"scopes": scopes, **more, **variables},
        }
        answer = client.post("/prod/graphql", json=body, headers=headers)
        assert answer.status_code < 500
        if "has a zero byte" in answer.text or "PythonError" in answer.text:
            assert value not in answer.text
    assert value not in json.dumps([record.getMessage() for record in caplog.records])
    assert value not in caplog.text
