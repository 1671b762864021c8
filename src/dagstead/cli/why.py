"""``dagstead why``: why something waits or does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.plane.reasons import Reason, RunWaits, SubjectReason


@administers
def why(
    plane: Administration,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A run or a request by its id or how that begins, or a location by its name. "
            "Without it, all runs that wait are listed.",
            show_default=False,
        ),
    ] = None,
    *,
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", help="Where to look; by default, in all deployments."),
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Say why a run, a code location or a request waits, and what would help.

    It prints the chain from the thing itself to what it waits for in the end, and the command that
    mends it where there is one.

    For example:

    - `dagstead why 2871f19b`

    - `dagstead why weather --deployment prod --format json`

    - `dagstead why`
    """
    if name is None:
        _list(plane.reasons.waiting_runs(), deployment, format_)
        return
    found = plane.reasons.why(name, deployment)
    if format_ is Format.JSON:
        print_json(_as_json(found))
    else:
        _print(found)


def _print(found: SubjectReason) -> None:
    from dagstead.model.queues import name_queue

    subject, reason = found.subject, found.reason
    on = "" if subject.location is None else f", on {name_queue(subject.queue)}"
    say(f"{str(subject.kind).capitalize()} {subject.id} of deployment {subject.deployment}{on}")
    if not reason.chain:
        say(f"  {reason.says}")
    for number, step in enumerate(reason.chain):
        arrow = "→ " if number else ""
        since = moment(step.since)
        say(f"  {arrow}{step.says}{'' if since is None else f' (since {since})'}")
    if reason.mend is not None:
        say(f"What would help: {reason.mend.says}")
        if reason.mend.command is not None:
            say(f"    {reason.mend.command}")


def _list(waiting: RunWaits, deployment: str | None, format_: Format) -> None:
    from dagstead.model.queues import describe_queue

    rows = [
        {
            "run": row.run_id,
            "deployment": row.deployment,
            "location": row.location,
            "queue": describe_queue(row.queue),
            "since": moment(row.since),
            "code": str(row.reason.code),
            "why": row.reason.says,
            "what would help": None if row.reason.mend is None else row.reason.mend.says,
            "command": None if row.reason.mend is None else row.reason.mend.command,
        }
        for row in waiting.rows
        if deployment in {None, row.deployment}
    ]
    print_rows(rows, format_, empty="No run waits.")
    if waiting.total > len(waiting.rows):
        say(f"{waiting.total} runs wait; these are the oldest {len(waiting.rows)}.", err=True)


def _as_json(found: SubjectReason) -> dict[str, Any]:
    subject, reason = found.subject, found.reason
    return {
        "kind": str(subject.kind),
        "id": subject.id,
        "deployment": subject.deployment,
        "location": subject.location,
        "queue": subject.queue,
        **_reason(reason),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    mend = reason.mend
    return {
        "code": str(reason.code),
        "says": reason.says,
        "since": moment(reason.since),
        "about": reason.about,
        "chain": [
            {"code": str(step.code), "says": step.says, "since": moment(step.since)}
            for step in reason.chain
        ],
        "mend": None if mend is None else mend.says,
        "command": None if mend is None else mend.command,
    }
