"""The operator surface without HTTP: a context over a real store, and a schema to execute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import graphene
from dagster import DagsterInstance

from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import Token
from dagstead.store.all import Store

BASE_URL = "http://127.0.0.1:3000"


@dataclass
class Clock:
    """A time that tests set."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RecordingCalls:
    """Keeps what would be queued for agents."""

    checks: list[tuple[str, frozenset[str | None]]] = field(default_factory=list)
    #: Queues of deployments that no agent serves.
    unserved: set[tuple[str, str | None]] = field(default_factory=set)

    def check_for_workspace_updates(
        self, deployment: Deployment, queues: Iterable[str | None]
    ) -> None:
        self.checks.append((deployment.name, frozenset(queues)))

    def why_unserved(self, deployment: Deployment, _location: str, queue: str | None) -> str | None:
        unserved = (deployment.name, queue) in self.unserved
        return f"Nobody serves {queue!r}." if unserved else None


@dataclass
class DroppingInstances:
    """Keeps which deployments' storage was removed."""

    dropped: list[str] = field(default_factory=list)

    def drop(self, deployment: Deployment) -> None:
        self.dropped.append(deployment.name)


@dataclass(frozen=True)
class Context:
    """The plane's half of a request's context."""

    store: Store
    deployment: Deployment
    token: Token | None
    calls: RecordingCalls
    instances: DroppingInstances
    instance: DagsterInstance
    base_url: str = BASE_URL


@dataclass
class Operator:
    """The surface as a client meets it, without HTTP."""

    schema: graphene.Schema
    context: Context

    def run(self, document: str, /, **variables: object) -> dict[str, Any]:
        """Execute, and return ``data``; an entry in ``errors`` fails the test."""
        result = self.execute(document, **variables)
        assert result.errors is None, result.errors
        return result.data

    def execute(self, document: str, /, **variables: object) -> Any:
        """Execute, whatever comes."""
        # A request's context is made anew each time: the deployment may have changed.
        fresh = replace(
            self.context,
            deployment=self.context.store.deployments.get(self.context.deployment.name),
        )
        return self.schema.execute(document, context_value=fresh, variable_values=variables)

    def on(self, deployment: str) -> Operator:
        """The same for another deployment."""
        other = self.context.store.deployments.get(deployment)
        return Operator(self.schema, replace(self.context, deployment=other))

    def by(self, token: Token) -> Operator:
        """The same by another token."""
        return Operator(self.schema, replace(self.context, token=token))
