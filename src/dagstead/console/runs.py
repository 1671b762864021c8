"""Runs that wait, each with its reason; why one thing waits; and how runs are canceled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from starlette.responses import Response

from dagstead.console.calls import PageCall
from dagstead.console.links import Links
from dagstead.console.words import count
from dagstead.control.runs import Cancellation
from dagstead.errors import DagsteadError, ForbiddenError, InvalidInputError, StoreAwayError
from dagstead.plane.roles import Permission

_LINKS = Links()
#: More rows make a page that nobody reads, and that is slow.
_MOST = 100


def runs(call: PageCall) -> Response:
    """Those that wait longest."""
    found = call.control.reasons.waiting_runs(call.actor, _MOST)
    return call.show(
        "runs.html",
        title="Runs waiting",
        here="runs",
        command="dagstead why",
        rows=[(each, form_value(each.deployment, each.run_id)) for each in found.rows],
        total=found.total,
        may_cancel=_may_cancel(call),
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
        value=form_value(deployment.name, why.subject.id),
        may_cancel=why.reason.is_waiting and _may_cancel(call),
    )


def cancel(call: PageCall) -> Response:
    """Say what canceling the chosen runs does; once that is confirmed, do it."""
    try:
        chosen = _chosen(call)
    except InvalidInputError as error:
        return runs(replace(call, error=error))
    if call.field("step") != "cancel":
        return _ask(call, chosen)
    done: Counter[Cancellation] = Counter()
    failed: list[DagsteadError] = []
    for deployment, run_id in chosen:
        try:
            place = call.deployment(deployment)
            done[call.control.runs.cancel(call.actor, place, run_id)] += 1
        except StoreAwayError:
            raise
        except DagsteadError as error:
            failed.append(error)
    if not done:
        return _ask(replace(call, error=failed[0]), chosen)
    return call.go(_LINKS.page("runs"), " ".join([*_said(done), *_messages(failed)]))


def form_value(deployment: str, run_id: str) -> str:
    """A run as forms send it. Names of deployments have no slash."""
    return f"{deployment}/{run_id}"


def _ask(call: PageCall, chosen: list[tuple[str, str]]) -> Response:
    several = count(len(chosen), "run")
    return call.show(
        "cancel.html",
        title=f"Cancel run {chosen[0][1][:8]}" if len(chosen) == 1 else f"Cancel {several}",
        here="runs",
        is_live=False,
        runs=[
            (deployment, run_id, form_value(deployment, run_id)) for deployment, run_id in chosen
        ],
    )


def _chosen(call: PageCall) -> list[tuple[str, str]]:
    given = [each.partition("/") for each in call.form.get("run", ())]
    if not given:
        raise InvalidInputError("No run is chosen. Mark at least one row.")
    return [(deployment, run_id) for deployment, _, run_id in given]


def _said(done: Counter[Cancellation]) -> list[str]:
    says = {
        Cancellation.DONE: ("is canceled.", "are canceled."),
        Cancellation.ASKED: (
            "ends as soon as its agent has ended it.",
            "end as soon as their agents have ended them.",
        ),
        Cancellation.OUT_OF_REACH: (
            "is with an agent that is away: it ends once nothing of it can run any more.",
            "are with agents that are away: they end once nothing of them can run any more.",
        ),
    }
    return [
        f"{count(done[kind], 'run')} {one if done[kind] == 1 else many}"
        for kind, (one, many) in says.items()
        if done[kind]
    ]


def _messages(failed: list[DagsteadError]) -> list[str]:
    """Each once: of a hundred runs, all may have the same."""
    return list(dict.fromkeys(error.message for error in failed))[:3]


def _may_cancel(call: PageCall) -> bool:
    try:
        call.actor.require_permission_somewhere(Permission.LAUNCH)
    except ForbiddenError:
        return False
    return True
