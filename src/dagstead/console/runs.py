"""Runs that wait, each with its reason; and why one thing waits."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import PageCall


def runs(call: PageCall) -> Response:
    """Those that wait longest."""
    found = call.control.reasons.waiting_runs(call.actor)
    return call.show(
        "runs.html",
        title="Runs waiting",
        here="runs",
        command="dagstead why",
        rows=found.rows,
        total=found.total,
    )


def run(call: PageCall) -> Response:
    """Why one run waits, goes on or has ended."""
    deployment = call.deployment(call.path("deployment"))
    why = call.control.reasons.why_run(call.actor, deployment, call.path("run"))
    return call.show(
        "run.html",
        title=f"Run {why.subject.id[:8]}",
        here="runs",
        command=f"dagstead why {why.subject.id[:8]} --deployment {deployment.name}",
        deployment=deployment,
        why=why,
        subject=why.subject,
        reason=why.reason,
    )
