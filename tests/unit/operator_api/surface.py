"""The operator surface without HTTP: a context over a real store, and a schema to execute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import graphene
from dagster import DagsterInstance

from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES
from dagstead.plane.tokens import Token
from dagstead.store.all import Store
from tests.support.orchestration import NoDagster

BASE_URL = "http://127.0.0.1:3000"


@dataclass
class Clock:
    """A time that tests set."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Context:
    """The plane's half of a request's context."""

    store: Store
    control: Control
    orchestration: NoDagster
    deployment: Deployment
    token: Token
    opened_instance: Callable[[], DagsterInstance]
    base_url: str = BASE_URL

    @property
    def actor(self) -> Actor:
        return Actor.holding(self.token)

    @property
    def instance(self) -> DagsterInstance:
        return self.opened_instance()


@dataclass
class Operator:
    """The surface as a client meets it, without HTTP."""

    schema: graphene.Schema
    context: Context

    def run(self, document: str, /, **variables: object) -> dict[str, Any]:
        """Execute, and return ``data``; an entry in ``errors`` fails the test."""
        result = self.execute(document, **variables)
        assert result.errors is None, result.errors
        data: dict[str, Any] = result.data
        return data

    def execute(self, document: str, /, **variables: object) -> Any:
        """Execute, whatever comes."""
        # A request's context is made anew each time: the deployment may have changed.
        fresh = replace(
            self.context,
            deployment=self.context.store.deployments.get(self.context.deployment.name),
        )
        return self.schema.execute(document, context_value=fresh, variable_values=variables)

    def woken(self) -> set[tuple[str, str | None]]:
        """The queues whose agents were to look at the workspace, since this was asked last."""
        requests = self.context.store.requests
        checks = [
            each for each in requests.open(ORGANIZATION) if each.api == CHECK_FOR_WORKSPACE_UPDATES
        ]
        for each in checks:
            requests.expire(each.deployment, [each.id])
        return {(each.deployment, each.queue) for each in checks}

    def on(self, deployment: str) -> Operator:
        """The same for another deployment."""
        other = self.context.store.deployments.get(deployment)
        return Operator(self.schema, replace(self.context, deployment=other))

    def by(self, token: Token) -> Operator:
        """The same by another token."""
        return Operator(self.schema, replace(self.context, token=token))
