"""Runs chores in rounds, until they are stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dagstead.plane.leases import Fence, LeadershipLostError

logger = logging.getLogger(__name__)

#: The longest time until a new deployment has daemons, and changed settings have an effect.
ROUND_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chore:
    """Something to do in every round, or in every ``every_rounds``-th."""

    #: Completes the message "Could not …".
    what: str
    do: Callable[[], object]
    every_rounds: int = 1


def run_rounds(chores: Sequence[Chore], stop: threading.Event, fence: Fence) -> None:
    """Do the chores until ``stop`` is set.

    Args:
        chores: run one after the other; their failures are logged.
        stop: ends the rounds.
        fence: of the leader, who does them.

    Raises:
        LeadershipLostError: when another process may lead.
    """
    rounds = 0
    while not stop.is_set():
        for chore in chores:
            fence.require()
            if rounds % chore.every_rounds == 0:
                _do(chore)
        rounds += 1
        stop.wait(ROUND_SECONDS)


def _do(chore: Chore) -> None:
    try:
        chore.do()
    except LeadershipLostError:
        raise
    except Exception:
        # The database may be away for a moment, and the chores must go on after that.
        logger.exception("Could not %s; trying again", chore.what)
