"""Queues: who serves them, what waits there; pausing, limiting and ordering their runs."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_queue
from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.model.queues import name_queue
from dagstead.plane.queue_views import QueueView
from dagstead.plane.queue_words import (
    read_fallback,
    read_limit,
    read_priority,
    read_until,
    read_wait,
    written_wait,
)
from dagstead.plane.queues import FallbackKind, QueueChange

_LINKS = Links()
#: Stands for the default queue in forms; the names of others have this beginning.
_DEFAULT, _NAMED = "default", "name:"
_BAR_WIDTH, _BAR_HEIGHT = 2, 20
_HOLDERS = 50


def queues(call: PageCall) -> Response:
    """All of them."""
    views = call.control.queues.all(call.actor)
    return call.show(
        "queues.html",
        title="Queues",
        here="queues",
        command="dagstead queues list",
        rows=[(each, of_queue(each), bars(each.dispatched), form_value(each)) for each in views],
        may_change=_may_change(call),
    )


def queue(call: PageCall) -> Response:
    """One of them."""
    view = call.control.queues.get(call.actor, _name(call))
    named = "--default-queue" if view.queue.name is None else view.queue.name
    return call.show(
        "queue.html",
        title="The default queue" if view.queue.name is None else view.queue.name,
        here="queues",
        command=f"dagstead queues show {named}",
        view=view,
        queue=view.queue,
        state=of_queue(view),
        bars=bars(view.dispatched),
        taken=sum(view.dispatched),
        holders=view.holders[:_HOLDERS],
        more_holders=max(0, view.running - len(view.holders[:_HOLDERS])),
        longest_wait=written_wait(view.queue.longest_wait_seconds),
        fallbacks=list(FallbackKind),
        value=form_value(view),
        may_change=_may_change(call),
    )


def change(call: PageCall) -> Completion:
    """Set what a queue has."""
    name = _name(call)
    call.control.queues.set(
        call.actor,
        name,
        QueueChange(
            owner=call.field("owner") or None,
            description=call.field("description") or None,
            limit=read_limit(call.field("limit")),
            priority=read_priority(call.field("priority")),
            longest_wait_seconds=read_wait(call.field("longest_wait")),
            branch_deployments=bool(call.field("branches")),
            fallback=read_fallback(call.field("fallback"), call.field("fallback_queue")),
        ),
    )
    note = f"{_called(name)} has its new settings. Runs that are queued go by them from now on."
    return Completion(_LINKS.queue(name), note)


def pause(call: PageCall) -> Completion:
    """Have the runs of queues stay queued."""
    names = _chosen(call)
    until = read_until(call.field("until"), call.now)
    note = call.field("note") or None
    for name in names:
        call.control.queues.pause(call.actor, name, note, until)
    verb = "is" if len(names) == 1 else "are"
    says = f"{_listed(names)} {verb} paused. Runs that are under way go on; queued runs wait."
    return Completion(_back(call, names), says)


def resume(call: PageCall) -> Completion:
    """Let their runs start again."""
    names = _chosen(call)
    for name in names:
        call.control.queues.resume(call.actor, name)
    verb = "goes" if len(names) == 1 else "go"
    return Completion(_back(call, names), f"{_listed(names)} {verb} on.")


def remove(call: PageCall) -> Completion:
    """Forget what was said of a queue that nothing uses."""
    name = _name(call)
    call.control.queues.remove(call.actor, name)
    return Completion(_LINKS.page("queues"), f"What was said of {name_queue(name)} is forgotten.")


def bars(counts: Sequence[int]) -> list[tuple[int, int, int]]:
    """A small picture of the last hour: x, y and height of the bar of each minute."""
    most = max(counts, default=0)
    if not most:
        return []
    heights = [max(1, round(count / most * _BAR_HEIGHT)) if count else 0 for count in counts]
    return [
        (at * _BAR_WIDTH, _BAR_HEIGHT - height, height)
        for at, height in enumerate(heights)
        if height
    ]


def form_value(view: QueueView) -> str:
    """A queue as forms send it."""
    name = view.queue.name
    return _DEFAULT if name is None else f"{_NAMED}{name}"


def _name(call: PageCall) -> str | None:
    return call.request.path_params.get("name")


def _chosen(call: PageCall) -> list[str | None]:
    # Not stripped: a queue may have any name.
    given = call.form.get("queue", ())
    if not given:
        raise InvalidInputError("No queue is chosen. Mark at least one row.")
    return [None if each == _DEFAULT else each.removeprefix(_NAMED) for each in given]


def _back(call: PageCall, names: Sequence[str | None]) -> str:
    return _LINKS.queue(names[0]) if call.field("from") == "one" else _LINKS.page("queues")


def _may_change(call: PageCall) -> bool:
    try:
        call.actor.require_queues("Changing a queue")
    except ForbiddenError:
        return False
    return True


def _called(name: str | None) -> str:
    return "The default queue" if name is None else f"Queue {name}"


def _listed(names: Sequence[str | None]) -> str:
    if len(names) == 1:
        return _called(names[0])
    return f"{len(names)} queues"
