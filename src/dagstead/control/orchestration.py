"""The only port to Dagster: what acts ask of it, without how that is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dagstead.plane.deployments import Deployment
from dagstead.plane.requests import Request


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingRequest:
    """A request that is not yet in the form that agents read."""

    id: str
    api: str
    deployment: Deployment
    expires_at: float
    #: What the API takes: an object of the official packages, or ``None``.
    args: object = None


class Orchestration(Protocol):
    """What Dagster does for the control plane. It can be called from all threads."""

    def request_body(self, outgoing: OutgoingRequest) -> str:
        """A request in the form that agents read."""

    def wants_to_start(self, deployment: Deployment, run_id: str) -> bool:
        """Whether a run that was queued for its launch should still start."""

    def take_launch_answer(self, deployment: Deployment, request: Request, answer: str) -> None:
        """Fail the run of a launch if the agent answered that it could not start it."""

    def drop(self, deployment: Deployment) -> None:
        """Remove everything that a deleted deployment stored: its runs, events and logs."""
