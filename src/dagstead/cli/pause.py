"""``dagstead pause`` and ``dagstead resume``: whether runs start and schedules tick."""

from __future__ import annotations

from typing import Annotated

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import say

_STOPPED = (
    "Stopped: starts of runs; ticks of schedules, sensors and automation; loading of code, and so "
    "deploys and reloads; plans of runs, and all other questions of the UI to code; pings of code "
    "servers. Runs under way go on, and can be ended."
)


@administers
def pause(
    plane: Administration,
    *,
    everything: Annotated[
        bool, typer.Option("--everything", help="Give agents no work at all, but to end runs.")
    ] = False,
) -> None:
    """Have no run start and no schedule or sensor tick, until `resume`.

    Runs that an agent has begun go on, and so does everything else: the UI, deploys, agents. Runs
    that people launch wait in the queue. `dagstead status` shows the pause. With --everything,
    agents get no other work either: nobody loads code or answers the UI's questions to it, and
    deploys are refused. `dagstead queues pause` has only the runs of one queue wait.

    For example: `dagstead pause`
    """
    is_new = plane.pauses.begin(everything=everything)
    say("Paused." if is_new else "It was paused before.", err=True)
    if everything:
        say(_STOPPED, err=True)


@administers
def resume(plane: Administration) -> None:
    """End a pause: queued runs start, and schedules and sensors tick again.

    For example: `dagstead resume`
    """
    was_paused = plane.pauses.end()
    say("It goes on." if was_paused else "There was no pause.", err=True)
