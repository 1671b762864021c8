"""Those who store PEX files and deploy them, as the official CLI and agents do over HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import httpx
from dagster._serdes import deserialize_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest
from dagster_cloud_cli.core.workspace import CodeLocationDeployData

from dagstead.model.pex_names import PexName
from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import claims, graphql, log_in

RELEASE = """mutation ($document: GenericScalar!) { result: deployLocations(document: $document) {
  __typename ... on InvalidLocationError { errors } ... on UnauthorizedError { message }
  ... on PythonError { message } } }"""
STORED = "query ($names: [String!]!) { storedPexFiles(filenames: $names) }"
ADDRESS = """mutation ($names: [String!]!, $method: ServerlessPexUrlMethod!) {
  generateServerlessPexUrl(filenames: $names, method: $method) { url } }"""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a token, who calls about a deployment as the official CLI does."""

    plane: Plane
    client: httpx.Client
    secret: str
    deployment: str = "prod"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = graphql(self.client, self.secret, self.deployment, query, **variables)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def address(self, name: str, method: str = "PUT") -> str:
        found = self.ask(ADDRESS, names=[name], method=method)["generateServerlessPexUrl"]
        url: str = found[0]["url"]
        return url

    def send(self, name: str, content: bytes) -> httpx.Response:
        self.plane.clock.advance(1)
        return self.client.put(self.address(name), content=content)

    def stores(self, name: str, content: bytes) -> None:
        self.send(name, content).raise_for_status()

    def finds(self, name: str) -> bool:
        """Whether a build would not send this file."""
        found: list[str] = self.ask(STORED, names=[name])["storedPexFiles"]
        return found == [name]

    def deploy(self, *files: str, location: str = "weather") -> str:
        """The refusal; empty if the release began."""
        document = {
            "location_name": location,
            "code_source": {"module_name": "project"},
            "pex_metadata": {"pex_tag": f"files={':'.join(files)}"},
        }
        found = self.ask(RELEASE, document={"locations": [document]})["result"]
        return " ".join([*found.get("errors", ()), found.get("message", "")]).strip()


@dataclass(frozen=True, kw_only=True)
class World:
    """A server, and everybody who calls it."""

    plane: Plane
    client: httpx.Client
    github: OidcIssuer
    #: Of this test alone.
    name: str

    def job(self, deployment: str = "prod", **of_job: Any) -> Caller:
        """A CI job, which logs in."""
        job = claims(self.plane, self.github, **{"repository_id": "17", **of_job})
        secret = log_in(self.client, self.github.sign(job)).json()["token"]
        return Caller(plane=self.plane, client=self.client, secret=secret, deployment=deployment)

    def pull_request(self, deployment: str) -> Caller:
        return self.job(deployment, ref="refs/pull/7/merge", event_name="pull_request")

    def holder(self, grant: Grant, deployment: str = "prod") -> Caller:
        _, secret = self.plane.token(TokenKind.USER, grant)
        return Caller(plane=self.plane, client=self.client, secret=secret, deployment=deployment)

    def branch(self, base: str | None = None, repository: str = "org/repo") -> str:
        made = self.plane.store.deployments.create_or_update_branch(
            Branch(repo_name=repository, branch_name=self.name), base
        )
        self.waits(made.name)
        return made.name

    def waits(self, deployment: str) -> None:
        """Let releases begin though nobody serves them."""
        settings = {"releases": {"unserved_queue": "wait"}}
        self.plane.store.deployments.set_settings(deployment, settings)

    def loads(self, deployment: str = "prod", location: str = "weather") -> list[bytes]:
        """What an agent gets that loads the location now."""
        found = self.plane.store.locations.get(deployment, location)
        tag = found.document["pex_metadata"]["pex_tag"]
        assert f'"{tag}"' in found.deploy_data
        contents = []
        for name in tag.removeprefix("files=").split(":"):
            answer = self.artifact(name).json()
            contents.append(self.client.get(answer["url"]).content)
            assert answer["sha256"] == hashlib.sha256(contents[-1]).hexdigest()
            assert answer["sha256"] == PexName.of(name).sha256
        return contents

    def artifact(self, name: str, grant: Grant | None = None) -> httpx.Response:
        headers = self.plane.headers(TokenKind.AGENT, grant)
        return self.client.post("/gen_artifact_get", json={"key": f"pex/{name}"}, headers=headers)


def empty_manifest(deploy_data: str) -> str:
    """What an agent uploads for code that defines nothing."""
    return serialize_value(
        DagsterCloudCodeLocationManifest(
            repositories=[],
            container_image=None,
            executable_path=None,
            dagster_library_versions=None,
            code_location_deploy_data=deserialize_value(deploy_data, CodeLocationDeployData),
        )
    )
