"""Stands for Dagster where a test has no runs: it keeps what acts ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from dagstead.control.all import Control, control_over
from dagstead.control.orchestration import OutgoingRequest
from dagstead.plane.deployments import Deployment
from dagstead.plane.requests import Request
from dagstead.store.all import Store


@dataclass
class NoDagster:
    """An :class:`dagstead.control.orchestration.Orchestration` without runs."""

    #: Deployments whose storage was removed.
    dropped: list[str] = field(default_factory=list)
    #: Runs that do not want to start any more.
    ended_runs: set[str] = field(default_factory=set)
    #: Requests to launch a run that were answered.
    answered: list[str] = field(default_factory=list)

    def request_body(self, outgoing: OutgoingRequest) -> str:
        return json.dumps({"id": outgoing.id, "api": outgoing.api})

    def wants_to_start(self, _deployment: Deployment, run_id: str) -> bool:
        return run_id not in self.ended_runs

    def take_launch_answer(self, _deployment: Deployment, request: Request, _answer: str) -> None:
        self.answered.append(request.id)

    def drop(self, deployment: Deployment) -> None:
        self.dropped.append(deployment.name)


def control_without_dagster(store: Store, orchestration: NoDagster | None = None) -> Control:
    """What the control plane does over a store, with nothing that runs."""
    chosen = orchestration or NoDagster()
    return control_over(store, store.bell, lambda: chosen)
