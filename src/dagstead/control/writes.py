"""Writes that a client may send twice, recognised by their Idempotency-Key."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.dagster_data import require_runs
from dagstead.plane.deployments import Deployment
from dagstead.plane.names import KEY_MAX, check_short
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.roles import Permission
from dagstead.plane.writes import WriteState
from dagstead.store.writes import WriteStore


@dataclass(frozen=True, slots=True)
class WriteLedger:
    """Remembers the writes to one deployment, across servers and their restarts."""

    _writes: WriteStore
    _bell: bell.Bell
    deployment: str

    def begin(self, key: str) -> WriteState:
        """Take the key for a write, in one transaction, or learn how earlier attempts ended.

        Raises:
            InvalidInputError: when the key is too long.
        """
        check_short("The Idempotency-Key", key, KEY_MAX)
        return self._writes.begin(self.deployment, key)

    def has(self, key: str) -> bool:
        """Whether a write with this key was begun here."""
        return self._writes.has(self.deployment, key)

    def finish(self, key: str) -> None:
        """Everything of the write is stored."""
        self._writes.finish(self.deployment, key)

    def interrupt(self, key: str) -> None:
        """The write failed half-way: the next try is to begin at once, as after a crash."""
        self._writes.interrupt(self.deployment, key)

    def listen(self, key: str) -> AbstractContextManager[bell.Listener]:
        """Listen for the end of a write, which is rung by ``wake``."""
        return self._bell.listen(bell.written(self.deployment, key))

    def wake(self, key: str) -> None:
        """Wake whoever waits for the end of a write. Separate, as nobody waits for most writes."""
        self._bell.ring(bell.written(self.deployment, key))


@dataclass(frozen=True, slots=True)
class Writes:
    """The ledgers of all deployments."""

    _backend: Backend

    def ledger(self, actor: Actor, deployment: Deployment, run_ids: Collection[str]) -> WriteLedger:
        """The ledger of a deployment, for a write of events.

        Args:
            actor: writes them.
            deployment: to which they are written.
            run_ids: of their runs.

        Raises:
            ForbiddenError: when the actor may not write to the deployment, or to one of the runs,
                or may only deploy.
        """
        actor.require_reach(deployment)
        actor.require_whole("writing to a deployment")
        actor.require_permission_somewhere(Permission.LAUNCH, deployment)
        require_runs(self._backend, actor, deployment, run_ids)
        return WriteLedger(self._backend.store.writes, self._backend.bell, deployment.name)

    def interrupt_all(self, actor: Actor) -> None:
        """No write is under way: the server that began them has ended."""
        actor.require_system("Starting a server")
        self._backend.store.writes.interrupt_all(ORGANIZATION)

    def purge(self, actor: Actor) -> int:
        """Remove keys that no client can send again; returns how many."""
        actor.require_system("Purging keys of writes")
        return self._backend.store.writes.purge(ORGANIZATION)
