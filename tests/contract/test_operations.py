"""Every operation that an official agent can send is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.documents import Document
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.contract.refused import REFUSED
from tests.contract.variables import every_variable, required_variables
from tests.contract.world import DEPLOYMENT, World
from tests.support.environments import AGENT_MINORS

pytestmark = pytest.mark.contract

#: Operations whose answer may be empty in the world, because nothing of open-source Dagster ever
#: fills it, or because the least variables ask for nothing.
MAY_BE_EMPTY = frozenset(
    {
        "eventLogs.fetchFailedMaterializations",
        "eventLogs.getAssetCheckSummaryRecord",
        "scopedSecrets",
        "userCloudAgent.popUserCloudAgentRequests",
        "agents",
        "latestDefsStateInfo",
    }
)


@pytest.mark.parametrize("minor", AGENT_MINORS)
@pytest.mark.parametrize("values", [every_variable, required_variables])
def test_every_operation_is_answered(world: World, minor: str, values: Any) -> None:
    """Whatever an official agent of this minor sends, it gets data, or a sentence why not."""
    documents = agent_documents(minor)
    unanswered = {
        f"{document.module}:{document.line} {', '.join(document.paths)}": problem
        for document in documents
        if (problem := _problem(document, world, values(document, world)))
    }
    assert not unanswered
    assert len(documents) > 90


def test_every_read_has_something_to_show(world: World) -> None:
    """The answers are of real runs, and not empty for want of them."""
    empty = [
        path
        for document in agent_documents(OWN_MINOR)
        if document.operation.operation.value == "query"
        for path, value in _answers(document, world, required_variables(document, world))
        if value in (None, [], {}) and path not in MAY_BE_EMPTY | set(REFUSED)
    ]
    assert not empty


def _answers(
    document: Document, world: World, variables: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    answer = world.surface.send(document.text, variables, deployment=DEPLOYMENT)
    found = []
    for path in document.paths:
        value = answer["data"]
        for step in path.split("."):
            value = value[step]
        found.append((path, value))
    return found


def _problem(document: Document, world: World, variables: Mapping[str, Any]) -> str | None:
    """What is wrong with the answer; None if nothing is."""
    answer = world.surface.send(document.text, variables, deployment=DEPLOYMENT)
    sentences = {REFUSED[path] for path in document.paths if path in REFUSED}
    for sentence in sentences:
        if sentence not in str(answer):
            return f"was to be refused with {sentence!r}, and got {answer}"
    if "errors" in answer and not sentences:
        return str(answer["errors"])
    return None
