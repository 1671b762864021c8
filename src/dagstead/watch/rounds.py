"""Chores that are done again and again until they are to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

logger = logging.getLogger(__name__)

#: How soon a new deployment has daemons, and changed settings are in force.
ROUND_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Chore:
    """Something to do in every round, or in every so many."""

    #: Completing "could not …".
    what: str
    do: Callable[[], object]
    every_rounds: int = 1


def run_rounds(
    chores: Sequence[Chore], stop: threading.Event, *, after_round: Callable[[], None]
) -> None:
    """Do the chores until ``stop`` is set.

    Args:
        chores: done one after the other; a failure of one is logged.
        stop: ends the rounds.
        after_round: called after each round, for leader locks and the like; an exception from it
            ends the rounds.
    """
    rounds = 0
    while not stop.is_set():
        for chore in chores:
            if rounds % chore.every_rounds == 0:
                _do(chore)
        after_round()
        rounds += 1
        stop.wait(ROUND_SECONDS)


def _do(chore: Chore) -> None:
    try:
        chore.do()
    except Exception:
        # The database may be away for a moment; the chores must outlive that.
        logger.exception("Could not %s; trying again", chore.what)
