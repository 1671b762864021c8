"""What the resolvers of a deployment's storage need of the request they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dagster._core.definitions.events import AssetKey
from dagster._core.definitions.partitions.definition import PartitionsDefinition
from dagster._core.events.log import EventLogEntry
from dagster._core.instance import DagsterInstance


class EventWriter(Protocol):
    """Takes events of runs into the deployment that the request is for."""

    def write(self, entries: Sequence[EventLogEntry], idempotency_key: str | None) -> None:
        """Store the events and apply what they say to their runs, once for each key.

        Raises:
            BusyError: if another try with the same key is under way.
            StoreAwayError: if the storage does not answer.
        """


class StorageContext(Protocol):
    """One request that names a deployment."""

    @property
    def instance(self) -> DagsterInstance:
        """The deployment's open-source instance.

        Raises:
            DagsteadError: if the request names no deployment, or one that its token does not
                grant.
        """

    @property
    def idempotency_key(self) -> str | None:
        """The header ``Idempotency-Key``; None if the request has none."""

    def begin_launch(self, run_id: str, agent_id: str) -> None:
        """Let one agent, the first that says so, begin a run.

        Raises:
            ForbiddenError: when another one has begun it.
        """

    @property
    def event_writer(self) -> EventWriter:
        """Writes to the same deployment."""

    def partitions_of(self, key: AssetKey) -> PartitionsDefinition[Any] | None:
        """How the asset is partitioned, as the deployment's loaded locations define it.

        None if it is not partitioned, or no loaded location has it.
        """
