"""Queues as objects, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.queue_views import (
    Backlog,
    QueueAgent,
    QueuedLocation,
    QueueView,
    SlotHolder,
)
from dagstead.plane.queues import Fallback, FallbackKind, Queue, QueueChange, QueuePause

_FIELDS = (
    "name owner description limit priority longestWaitSeconds branchDeployments "
    "fallback { kind queue } pause { by since note until } createdAt createdBy at "
    "agents { id label type isPool version deploymentNames } unservedSince "
    "locations { deploymentName locationName since } tokens requests { count oldestAt } "
    "runs { count oldestAt } running holders { deploymentName runId since } dispatched"
)
_ALL = f"{{ result: queues {{ {_FIELDS} }} }}"
_GET = f"query ($name: String) {{ result: queue(name: $name) {{ {_FIELDS} }} }}"
_SET = (
    "mutation ($name: String, $change: QueueChangeInput!) "
    f"{{ result: setQueue(name: $name, change: $change) {{ {_FIELDS} }} }}"
)
_PAUSE = (
    "mutation ($name: String, $note: String, $until: Float) "
    f"{{ result: pauseQueue(name: $name, note: $note, until: $until) {{ {_FIELDS} }} }}"
)
_RESUME = "mutation ($name: String) { result: resumeQueue(name: $name) }"
_REMOVE = "mutation ($name: String) { result: removeQueue(name: $name) }"

_WIRE: Mapping[str, str] = {
    "longest_wait_seconds": "longestWaitSeconds",
    "branch_deployments": "branchDeployments",
}


@dataclass(frozen=True, slots=True)
class Queues:
    """Acts on queues, and views of them. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[QueueView]:
        """Every queue, the default queue first."""
        return [_view(each) for each in self.connection.graphql(_ALL)["result"]]

    def get(self, name: str | None) -> QueueView:
        """One queue."""
        return _view(self.connection.graphql(_GET, name=name)["result"])

    def set(self, name: str | None, change: QueueChange) -> QueueView:
        """Change a queue."""
        asked = {_WIRE.get(key, key): value for key, value in change.named.items()}
        fallback = asked.get("fallback")
        if isinstance(fallback, Fallback):
            asked["fallback"] = {"kind": str(fallback.kind), "queue": fallback.queue}
        return _view(self.connection.graphql(_SET, name=name, change=asked)["result"])

    def pause(self, name: str | None, note: str | None, until: float | None) -> QueueView:
        """Pause a queue."""
        return _view(self.connection.graphql(_PAUSE, name=name, note=note, until=until)["result"])

    def resume(self, name: str | None) -> bool:
        """End the pause of a queue; returns whether there was one."""
        return bool(self.connection.graphql(_RESUME, name=name)["result"])

    def remove(self, name: str | None) -> None:
        """Forget what was said of a queue."""
        self.connection.graphql(_REMOVE, name=name)


def _view(found: Mapping[str, Any]) -> QueueView:
    fallback, pause = found["fallback"], found["pause"]
    return QueueView(
        queue=Queue(
            name=found["name"],
            owner=found["owner"],
            description=found["description"],
            limit=found["limit"],
            priority=found["priority"],
            longest_wait_seconds=found["longestWaitSeconds"],
            branch_deployments=found["branchDeployments"],
            fallback=Fallback(kind=FallbackKind(fallback["kind"]), queue=fallback["queue"]),
            pause=None if pause is None else QueuePause(**pause),
            created_at=found["createdAt"],
            created_by=found["createdBy"],
        ),
        at=found["at"],
        agents=tuple(map(_agent, found["agents"])),
        unserved_since=found["unservedSince"],
        locations=tuple(
            QueuedLocation(
                deployment=each["deploymentName"],
                location=each["locationName"],
                since=each["since"],
            )
            for each in found["locations"]
        ),
        tokens=tuple(found["tokens"]),
        requests=_waiting(found["requests"]),
        runs=_waiting(found["runs"]),
        running=found["running"],
        holders=tuple(
            SlotHolder(deployment=each["deploymentName"], run_id=each["runId"], since=each["since"])
            for each in found["holders"]
        ),
        dispatched=tuple(found["dispatched"]),
    )


def _agent(found: Mapping[str, Any]) -> QueueAgent:
    return QueueAgent(
        id=found["id"],
        label=found["label"],
        type=found["type"],
        is_pool=found["isPool"],
        version=found["version"],
        deployments=tuple(found["deploymentNames"]),
    )


def _waiting(found: Mapping[str, Any]) -> Backlog:
    return Backlog(count=found["count"], oldest_at=found["oldestAt"])
