"""A store on SQLite, and the operator's schema executed over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import graphene
import pytest
from dagster import DagsterInstance

from dagstead.operator_api.schema import create_schema
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.stores import empty_store
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
    opened = empty_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def operator(store: Store, schema: graphene.Schema) -> Iterator[Operator]:
    """For an unlimited token. An agent for every queue has called, and is about to be heard of."""
    orchestration = NoDagster()
    admin = store.tokens.create("admin", TokenKind.USER, "secret", Grant())
    store.tokens.create("agent", TokenKind.AGENT, AGENT_SECRET, Grant())
    store.tokens.authenticate(AGENT_SECRET)
    with ExitStack() as opened:
        # Few fields ask Dagster, and making an instance takes longer than a test.
        instance = cache(lambda: opened.enter_context(DagsterInstance.ephemeral()))
        yield Operator(
            schema,
            Context(
                store=store,
                deployment=store.deployments.create("prod"),
                control=control_without_dagster(store, orchestration),
                orchestration=orchestration,
                token=admin,
                opened_instance=instance,
            ),
        )
