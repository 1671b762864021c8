"""One GraphQL call of an agent: who calls, and the deployment that the call is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster import AssetKey, DagsterInstance, PartitionsDefinition
from dagster._core.events.log import EventLogEntry

from dagstead.agent_api.events import write_events
from dagstead.agent_api.services import Caller
from dagstead.control.actor import SYSTEM


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Passed to every resolver. What a call may see is decided here, by the caller's token.

    The properties raise ``DagsteadError`` if the call names no deployment, or one that its token
    does not grant.
    """

    caller: Caller

    @property
    def instance(self) -> DagsterInstance:
        """The deployment's open-source instance."""
        return self.caller.services.instances.get(self.caller.deployment)

    def begin_launch(self, run_id: str, agent_id: str) -> None:
        """Let one agent, the first that asks, begin a run.

        Raises:
            ForbiddenError: when it was begun before, or is no longer wanted.
        """
        caller = self.caller
        caller.control.requests.begin_launch(caller.actor, caller.deployment, run_id, agent_id)

    def note_asking(self, run_id: str) -> None:
        """Remember that somebody asked for a run, as its worker does every ten seconds."""
        caller = self.caller
        caller.control.launches.note_asking(caller.actor, caller.deployment, run_id)

    def require_run(self, run_id: str) -> None:
        """Refuse user code that writes to a run of others.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        caller = self.caller
        caller.control.workers.require_run(caller.actor, caller.deployment, run_id)

    def require_made(self, backfill_id: str) -> None:
        """Refuse user code that changes a backfill of others.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        caller = self.caller
        caller.control.workers.require_made(caller.actor, caller.deployment, backfill_id)

    def require_location(self, location: str | None) -> None:
        """Refuse user code that acts for another location; ``None`` is all of them.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        caller = self.caller
        caller.control.workers.require_location(caller.actor, caller.deployment, location)

    def note_making(self, made_id: str) -> None:
        """Record that user code makes a run or a backfill."""
        caller = self.caller
        caller.control.workers.note_making(caller.actor, caller.deployment, made_id)

    def write(self, entries: Sequence[EventLogEntry]) -> None:
        """Store events of the call's deployment, and apply what they say to their runs."""
        write_events(self.caller, entries)

    def partitions_of(self, key: AssetKey) -> PartitionsDefinition[Any] | None:
        """How the asset is partitioned, as the deployment's loaded locations define it.

        None if it is not partitioned, or no loaded location has it.
        """
        services = self.caller.services
        # Whoever may read the deployment may know this of its definitions.
        return services.asset_partitions.of(services.control, SYSTEM, self.caller.deployment, key)
