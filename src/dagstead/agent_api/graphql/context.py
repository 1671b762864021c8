"""One GraphQL call of an agent: who calls, and the deployment that the call is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dagster import AssetKey, DagsterInstance, DagsterRun, PartitionsDefinition
from dagster._core.events.log import EventLogEntry

from dagstead.agent_api.events import write_events
from dagstead.agent_api.services import Caller
from dagstead.control.actor import SYSTEM
from dagstead.control.requests import HeldPoll
from dagstead.engine.run_origins import STORED_BY_TAG
from dagstead.plane.names import ID_MAX, check_short


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Passed to every resolver. What a call may see is decided here, by the caller's token.

    The properties raise ``DagsteadError`` if the call names no deployment, or one that its token
    does not grant.
    """

    caller: Caller
    #: The polls of the call that have got nothing.
    held: list[HeldPoll] = field(default_factory=list)

    @property
    def instance(self) -> DagsterInstance:
        """The deployment's open-source instance: to read, and for what all of its code may write.

        That is what belongs to no run and to no location: dynamic partitions and pools. To write
        anything else, ask for the instance by one of the methods below.
        """
        return self.caller.services.instances.get(self.caller.deployment)

    def instance_for_runs(self, *run_ids: str) -> DagsterInstance:
        """The instance, to write to these runs.

        Raises:
            ForbiddenError: when the caller may not write to one of them.
        """
        caller = self.caller
        caller.control.dagster_data.require_runs(caller.actor, caller.deployment, run_ids)
        return self.instance

    def instance_for_locations(self, *names: str) -> DagsterInstance:
        """The instance, to write what belongs to these locations.

        Raises:
            ForbiddenError: when the caller may not serve one of them.
        """
        caller = self.caller
        caller.control.dagster_data.require_locations(caller.actor, caller.deployment, names)
        return self.instance

    def instance_for_asset(self, key: AssetKey) -> DagsterInstance:
        """The instance, to change the history of an asset.

        Raises:
            ForbiddenError: when the caller may not serve the locations that make it.
        """
        services, caller = self.caller.services, self.caller
        control, deployment = services.control, caller.deployment
        makers = partial(services.asset_partitions.makers, control, caller.actor, deployment, key)
        control.dagster_data.require_assets(caller.actor, deployment, makers)
        return self.instance

    @property
    def computes_states(self) -> bool:
        """Whether the state of an asset's partitions is kept that the caller has computed."""
        caller = self.caller
        return caller.control.dagster_data.computes_states(caller.actor, caller.deployment)

    def instance_for_all(self, what: str) -> DagsterInstance:
        """The instance, to write what concerns all locations.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: when the caller serves some of the queues only.
        """
        caller = self.caller
        caller.control.dagster_data.require_all(caller.actor, caller.deployment, what)
        return self.instance

    def new_run(self, run: DagsterRun) -> DagsterRun:
        """A run as it may be stored.

        Raises:
            ForbiddenError: when the caller may not serve its location.
            InvalidInputError: when its id is too long.
        """
        check_short("The run's id", run.run_id, ID_MAX)
        caller, origin = self.caller, run.remote_job_origin
        stored_by = caller.control.dagster_data.require_new_run(
            caller.actor, caller.deployment, None if origin is None else origin.location_name
        )
        if stored_by is None:
            return run
        return run.with_tags({**run.tags, STORED_BY_TAG: str(stored_by)})

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
