"""What the UI shows of the daemons: they are as well as the process that runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dagster import DagsterInstance
from dagster._daemon.types import DaemonStatus

from dagstead.plane.health import leads
from dagstead.store.all import Store

_Statuses = Callable[[Sequence[str] | None], Mapping[str, DaemonStatus]]


def statuses_of(instance: DagsterInstance, store: Store) -> _Statuses:
    """In place of ``instance.get_daemon_statuses``, which takes half an hour to miss a daemon."""
    by_heartbeats = instance.get_daemon_statuses

    def statuses(daemon_types: Sequence[str] | None = None) -> Mapping[str, DaemonStatus]:
        found = by_heartbeats(daemon_types)
        if leads(store.leases.leader()) and store.properties.pause() is None:
            return found
        return {
            name: status._replace(healthy=False) if status.required else status
            for name, status in found.items()
        }

    return statuses
