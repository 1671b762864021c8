"""Every operation that the official CLI can send is answered, or refused with a sentence."""

from __future__ import annotations

from typing import Any

import graphene
import pytest

from dagstead.operator_api.not_offered import NOT_OFFERED
from dagstead.operator_api.schema import create_schema
from tests.contract.client_packages import client_documents
from tests.contract.documents import Document
from tests.contract.operator_surface import OperatorSurface, operator_surface
from tests.contract.operator_variables import EXPECTED_MEMBERS, SCRATCH, variables_of
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def schema() -> graphene.Schema:
    return create_schema()


@pytest.fixture(scope="module")
def operator(world: World, schema: graphene.Schema) -> OperatorSurface:
    world.surface.deploy(SCRATCH)
    return operator_surface(world.surface, schema)


@pytest.mark.parametrize("every", [True, False])
def test_every_operation_is_answered(
    world: World, operator: OperatorSurface, *, every: bool
) -> None:
    """Whatever an official client sends, it gets data, or a sentence why not."""
    documents = client_documents()
    unanswered = {
        f"{document.module}:{document.line} {document.name}": problem
        for document in documents
        if (problem := _problem(document, world, operator, every=every))
    }
    assert not unanswered
    assert len(documents) > 100


def test_only_what_clients_ask_for_is_refused() -> None:
    """The table of refusals names nothing that is unknown to the clients, and nothing offered."""
    asked = {path for document in client_documents() for path in document.paths}
    assert set(NOT_OFFERED) <= asked


def _problem(
    document: Document, world: World, operator: OperatorSurface, *, every: bool
) -> str | None:
    """What is wrong with the answer; None if nothing is."""
    is_query = document.operation.operation.value == "query"
    sentences = [NOT_OFFERED[path] for path in document.paths if path in NOT_OFFERED]
    answer = operator.send(
        document.text,
        {} if sentences else variables_of(document, world, every=every),
        deployment=DEPLOYMENT if is_query else SCRATCH,
    )
    if sentences:
        refused = answer["errors"] == [{"message": sentences[0]}]
        return None if refused else f"was to be refused, and got {answer}"
    if "errors" in answer:
        return str(answer["errors"])
    members = {_member(value) for value in answer["data"].values()} - {None}
    expected = EXPECTED_MEMBERS.get(document.name)
    if expected is not None:
        return None if members == {expected} else f"{expected} expected, got {answer}"
    wrong = {each for each in members if each is not None and each.endswith("Error")}
    return f"answered with {wrong}: {answer}" if wrong else None


def _member(value: Any) -> str | None:
    return value.get("__typename") if isinstance(value, dict) else None
