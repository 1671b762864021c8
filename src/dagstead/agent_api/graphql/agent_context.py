"""One GraphQL call of an agent: who calls, and the storage that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dagster import AssetKey, DagsterInstance, PartitionsDefinition

from dagstead.agent_api.event_writer import InstanceEventWriter
from dagstead.agent_api.events import event_writer
from dagstead.agent_api.services import Caller


@dataclass(frozen=True, slots=True)
class AgentContext:
    """See :class:`dagstead.agent_api.graphql.context.StorageContext`."""

    caller: Caller

    @property
    def instance(self) -> DagsterInstance:
        """The instance of the call's deployment."""
        return self.caller.services.instances.get(self.caller.deployment)

    @property
    def idempotency_key(self) -> str | None:
        """The header ``Idempotency-Key``."""
        return self.caller.idempotency_key

    def begin_launch(self, run_id: str, agent_id: str) -> None:
        """See the protocol."""
        caller = self.caller
        caller.control.requests.begin_launch(caller.actor, caller.deployment, run_id, agent_id)

    @property
    def event_writer(self) -> InstanceEventWriter:
        """Writes events to the call's deployment."""
        return event_writer(self.caller)

    def partitions_of(self, key: AssetKey) -> PartitionsDefinition[Any] | None:
        """How the asset is partitioned, as the deployment's loaded locations define it."""
        services = self.caller.services
        return services.asset_partitions.of(
            services.control, self.caller.actor, self.caller.deployment, key
        )
