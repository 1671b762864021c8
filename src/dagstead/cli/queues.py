"""``dagstead queues``: who serves them, what waits there, and what holds runs back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.pauses import PauseFlags
from dagstead.cli.options.queue import QueueFlags, QueueName, moment_ahead
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.plane.queue_views import Backlog, QueueView
    from dagstead.plane.queues import QueuePause

app = typer.Typer(
    help="Show agent queues, and pause, limit and order their runs.", no_args_is_help=True
)


@app.command("list")
@administers
def list_(plane: Administration, *, format_: FormatOption = Format.TABLE) -> None:
    """List every queue: who serves it, what waits there, its limit and its pause.

    Queues that nobody has made are listed, too: those that locations are on, agents claim, or
    tokens grant.

    For example: `dagstead queues list`
    """
    views = plane.queues.all()
    if format_ is Format.JSON:
        print_json([_facts(view) for view in views])
        return
    empty = "There are no queues: nothing is deployed, and no agent is there."
    print_rows([_row(view) for view in views], format_, empty=empty)


@app.command()
@administers
def show(plane: Administration, *, queue: QueueName, format_: FormatOption = Format.TABLE) -> None:
    """Show everything about one queue.

    For example: `dagstead queues show gpu`
    """
    view = plane.queues.get(queue.chosen())
    facts = _facts(view)
    if format_ is Format.JSON:
        print_json(facts)
        return
    rows = [{"what": name.replace("_", " "), "value": value} for name, value in facts.items()]
    print_rows(rows, format_, empty="")


@app.command("set")
@administers
def set_(plane: Administration, *, queue: QueueName, flags: QueueFlags) -> None:
    """Give a queue a limit, a priority, an owner and the like; what is not named stays.

    A limit, like a pause, holds runs that are queued. Runs that are under way go on, and so do
    schedules, sensors and everything else that agents do.

    For example:

    - `dagstead queues set gpu --limit 4 --owner ml@example.org`

    - `dagstead queues set gpu --longest-wait 30m --fallback queue:cpu`

    - `dagstead queues set --default-queue --limit none --no-branch-deployments`
    """
    view = plane.queues.set(queue.chosen(), flags.change())
    limit = "no limit" if view.queue.limit is None else f"{view.running} of {view.queue.limit} runs"
    say(f"Set {_named(view)}: {limit}, priority {view.queue.priority}.", err=True)


@app.command()
@administers
def pause(
    plane: Administration,
    *,
    queue: QueueName,
    flags: PauseFlags,
) -> None:
    """Have the runs of a queue stay queued, until `dagstead queues resume`.

    Runs that are under way go on, and so do schedules, sensors and everything else that agents do.
    `dagstead pause` stops the runs of all queues.

    For example: `dagstead queues pause gpu --note "Driver update" --until 2h`
    """
    view = plane.queues.pause(queue.chosen(), flags.note, moment_ahead("--until", flags.until))
    waiting = _count(view.runs.count, "queued run")
    say(
        f"Paused {_named(view)}: {waiting} {'waits' if view.runs.count == 1 else 'wait'}, and "
        f"{_count(view.running, 'run')} under way {'goes' if view.running == 1 else 'go'} on.",
        err=True,
    )


@app.command()
@administers
def resume(plane: Administration, *, queue: QueueName) -> None:
    """End the pause of a queue: its runs start again, as far as its limit lets them.

    For example: `dagstead queues resume gpu`
    """
    was_paused = plane.queues.resume(queue.chosen())
    say("It goes on." if was_paused else "It was not paused.", err=True)


@app.command()
@administers
def remove(plane: Administration, *, queue: QueueName) -> None:
    """Forget the limit, the owner and all else that was said of a queue that nothing uses.

    For example: `dagstead queues remove gpu`
    """
    name = queue.chosen()
    plane.queues.remove(name)
    say("Removed what was said of it.", err=True)


def _named(view: QueueView) -> str:
    from dagstead.model.queues import name_queue

    return name_queue(view.queue.name)


def _row(view: QueueView) -> dict[str, Any]:
    from dagstead.model.queues import describe_queue

    limit = view.queue.limit
    return {
        "queue": describe_queue(view.queue.name),
        "agents": _agents(view),
        "locations": len(view.locations),
        "requests": view.requests.count,
        "waiting_runs": view.runs.count,
        "oldest": _oldest(view.runs, view.at),
        "running": view.running if limit is None else f"{view.running} of {limit}",
        "priority": view.queue.priority,
        "paused": _paused(view.pause),
    }


def _agents(view: QueueView) -> list[str] | str:
    if view.agents:
        return [each.label for each in view.agents]
    since = moment(view.unserved_since)
    return "none" if since is None else f"none since {since}"


def _oldest(waiting: Backlog, at: float) -> str | None:
    if waiting.oldest_at is None:
        return None
    minutes = max(0.0, at - waiting.oldest_at) / 60
    return f"{minutes:.0f} min"


def _paused(pause: QueuePause | None) -> str | None:
    if pause is None:
        return None
    until = "" if pause.until is None else f" until {moment(pause.until)}"
    note = "" if pause.note is None else f": {pause.note}"
    return f"by {pause.by} since {moment(pause.since)}{until}{note}"


def _facts(view: QueueView) -> dict[str, Any]:
    queue = view.queue
    return {
        "queue": queue.name,
        "description": queue.description,
        "owner": queue.owner,
        "agents": [each.label for each in view.agents],
        "unserved_since": moment(view.unserved_since),
        "locations": [f"{each.deployment}/{each.location}" for each in view.locations],
        "tokens": list(view.tokens),
        "waiting_requests": view.requests.count,
        "oldest_request": moment(view.requests.oldest_at),
        "waiting_runs": view.runs.count,
        "oldest_run": moment(view.runs.oldest_at),
        "running": view.running,
        "limit": queue.limit,
        "runs": [f"{each.deployment}/{each.run_id}" for each in view.holders],
        "dispatched_last_hour": sum(view.dispatched),
        "priority": queue.priority,
        "paused": _paused(view.pause),
        "longest_wait_seconds": queue.longest_wait_seconds,
        "fallback": queue.fallback.described,
        "branch_deployments": queue.branch_deployments,
        "made": moment(queue.created_at),
        "made_by": queue.created_by,
    }


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
