"""A store on SQLite, and the operator's schema executed over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import graphene
import pytest
from dagster import DagsterInstance

from dagstead.operator_api.schema import create_schema
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store, open_store
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.unit.operator_api.surface import Clock, Context, Operator

AGENT_SECRET = "agent:dagstead:secret"


@pytest.fixture(scope="session")
def schema() -> graphene.Schema:
    """Building it takes seconds."""
    return create_schema()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = open_store(
        database_url=f"sqlite:///{tmp_path}/plane.db",
        blobs_folder=tmp_path / "blobs",
        clock=clock,
    )
    yield opened
    opened.close()


@pytest.fixture
def operator(store: Store, schema: graphene.Schema) -> Iterator[Operator]:
    """For an unlimited token. An agent for every queue has called, and is about to be heard of."""
    orchestration = NoDagster()
    admin = store.tokens.create("admin", TokenKind.USER, "secret", Grant())
    store.tokens.create("agent", TokenKind.AGENT, AGENT_SECRET, Grant())
    store.tokens.authenticate(AGENT_SECRET)
    with DagsterInstance.ephemeral() as instance:
        yield Operator(
            schema,
            Context(
                store=store,
                deployment=store.deployments.create("prod"),
                control=control_without_dagster(store, orchestration),
                orchestration=orchestration,
                token=admin,
                instance=instance,
            ),
        )
