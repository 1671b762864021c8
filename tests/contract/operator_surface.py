"""The operator's GraphQL surface over the same filled deployment, without HTTP between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import graphene
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import SnapshotType
from graphql import parse

from dagstead.control.snapshots import Snapshots
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.operator_api.not_offered import refusal
from dagstead.plane.tokens import Grant, Token, TokenKind
from tests.contract import definitions as code
from tests.contract.surface import Surface
from tests.contract.world import DEPLOYMENT

BASE_URL = "http://127.0.0.1:1"


@dataclass(frozen=True, kw_only=True)
class OperatorSurface:
    """A server's insides, as the holder of an unlimited user token meets them."""

    surface: Surface
    schema: graphene.Schema
    token: Token

    def send(
        self, document: str, variables: Mapping[str, Any], *, deployment: str
    ) -> dict[str, Any]:
        """What the server answers. The one place where these tests meet it."""
        sentence = refusal(parse(document))
        if sentence is not None:
            return {"data": None, "errors": [{"message": sentence}]}
        workspace = DeploymentWorkspace(deployment, self.surface.instances, base_url=BASE_URL)
        with workspace:
            context = workspace.create_request_context(
                SimpleNamespace(state=SimpleNamespace(token=self.token), headers={})
            )
            result = asyncio.run(
                self.schema.execute_async(
                    document,
                    context_value=context,
                    # Through JSON, as over the wire.
                    variable_values=json.loads(json.dumps(dict(variables), allow_nan=False)),
                )
            )
        received: dict[str, Any] = json.loads(json.dumps(result.formatted, allow_nan=False))
        return received


def operator_surface(surface: Surface, schema: graphene.Schema) -> OperatorSurface:
    """The operator's half of a server, with the job snapshots that an agent uploads, too."""
    snapshots = Snapshots(surface.store.blobs, DEPLOYMENT)
    for job in code.defs.get_repository_def().get_all_jobs():
        snapshots.write(SnapshotType.JOB, serialize_value(job.get_job_snapshot()))
    token = surface.store.tokens.create("operator", TokenKind.USER, "user:test:secret", Grant())
    return OperatorSurface(surface=surface, schema=schema, token=token)
