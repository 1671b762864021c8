"""A store on SQLite, and the operator's schema executed over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import graphene
import pytest
from dagster import DagsterInstance

from dagstead.operator_api.schema import create_schema
from dagstead.plane.tokens import TokenKind
from dagstead.store.all import Store, open_store
from dagstead.store.tokens import Grant
from tests.unit.operator_api.surface import (
    Clock,
    Context,
    DroppingInstances,
    Operator,
    RecordingCalls,
)


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
    with DagsterInstance.ephemeral() as instance:
        yield Operator(
            schema,
            Context(
                store=store,
                deployment=store.deployments.create("prod"),
                token=store.tokens.create("admin", TokenKind.USER, "secret", Grant()),
                calls=RecordingCalls(),
                instances=DroppingInstances(),
                instance=instance,
            ),
        )
