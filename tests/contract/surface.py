"""The agents' GraphQL surface over a real store and real deployments, without HTTP between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster_cloud_cli.core.errors import DagsterCloudAgentServerError

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import Executor
from dagstead.agent_api.graphql.roots import agent_executor
from dagstead.agent_api.services import AgentServices, Caller
from dagstead.engine.instances import Instances
from dagstead.plane.deployments import Deployment
from dagstead.plane.leases import Fence
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.store.all import Store, open_store

#: Of the deployments' storage: with these, pools have limits that nobody set.
SETTINGS = {
    "concurrency": {"pools": {"default_limit": 3, "granularity": "op"}},
    # There is no agent.
    "releases": {"unserved_queue": "wait"},
}


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A server's insides, as one agent meets them."""

    store: Store
    instances: Instances
    executor: Executor[AgentContext]
    token: Token

    def deploy(self, name: str) -> Deployment:
        """Make a full deployment."""
        self.store.deployments.create(name)
        return self.store.deployments.set_settings(name, SETTINGS)

    def instance(self, deployment: str) -> DagsterInstance:
        """The deployment's open-source instance, whose storage answers are compared with."""
        return self.instances.get(self.store.deployments.get(deployment))

    def send(
        self,
        document: str,
        variables: Mapping[str, Any] | None,
        *,
        deployment: str,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What the server answers. The one place where these tests meet it."""
        caller = Caller(
            services=AgentServices(instances=self.instances, base_url="http://127.0.0.1:1"),
            token=self.token,
            deployment_name=deployment,
            base_url="http://127.0.0.1:1",
            idempotency_key=(headers or {}).get("Idempotency-Key"),
        )
        # Through JSON, as over the wire: nothing else may reach a resolver or leave it.
        body = json.loads(json.dumps(dict(variables or {}), allow_nan=False))
        answer = self.executor.execute(document, body, None, AgentContext(caller))
        received: dict[str, Any] = json.loads(json.dumps(answer, allow_nan=False))
        return received

    def client(self, deployment: str) -> Client:
        """What to give to an official storage class."""
        return Client(self, deployment)


@dataclass(frozen=True)
class Client:
    """Stands for ``DagsterCloudGraphQLClient``, with its way of failing."""

    surface: Surface
    deployment: str

    def execute(
        self,
        query: str,
        variable_values: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent_mutation: bool = False,  # noqa: FBT001, FBT002 theirs
    ) -> dict[str, Any]:
        del idempotent_mutation
        answer = self.surface.send(
            query, variable_values, deployment=self.deployment, headers=headers
        )
        if "errors" in answer:
            message = f"Error in GraphQL response: {answer['errors']}"
            raise DagsterCloudAgentServerError(message)
        return answer


@contextmanager
def opened_surface(folder: Path, postgres_url: str | None) -> Iterator[Surface]:
    """A server's insides in a folder, on SQLite or in an empty Postgres database."""
    store = open_store(
        database_url=postgres_url or f"sqlite:///{folder / 'plane.db'}",
        blobs_folder=folder / "blobs",
        clock=time.time,
        # As a leader has one: so every statement of Dagster's storage is tried behind it.
        fence=Fence(0),
    )
    instances = Instances(store=store, folder=folder / "deployments", postgres_url=postgres_url)
    yield Surface(
        store=store,
        instances=instances,
        executor=agent_executor(),
        token=store.tokens.create("agent", TokenKind.AGENT, "agent:test:secret", Grant()),
    )
    instances.close()
    store.close()
