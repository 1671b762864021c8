"""``dagstead pause`` and ``dagstead resume``: whether runs start and schedules tick."""

from __future__ import annotations

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import say


@administers
def pause(plane: Administration) -> None:
    """Have no run start and no schedule or sensor tick, until `resume`.

    Runs that an agent has begun go on, and so does everything else: the UI, deploys, agents. Runs
    that people launch wait in the queue. `dagstead status` shows the pause.

    For example: `dagstead pause`
    """
    is_new = plane.pauses.begin()
    say("Paused." if is_new else "It was paused before.", err=True)


@administers
def resume(plane: Administration) -> None:
    """End a pause: queued runs start, and schedules and sensors tick again.

    For example: `dagstead resume`
    """
    was_paused = plane.pauses.end()
    say("It goes on." if was_paused else "There was no pause.", err=True)
