"""Everything that the control plane does by itself."""

from __future__ import annotations

from functools import partial

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.watch.branch_ages import BranchAges
from dagstead.watch.healer import Healer
from dagstead.watch.housekeeping import Housekeeping
from dagstead.watch.release_watch import ReleaseWatch
from dagstead.watch.reminders import Reminders
from dagstead.watch.rounds import Chore
from dagstead.watch.run_watch import RunWatch
from dagstead.watch.sweeps import Sweeps

_PURGE_EVERY_ROUNDS = 150
_REMIND_EVERY_ROUNDS = 5
_COUNT_EVERY_ROUNDS = 2
_AGE_EVERY_ROUNDS = 150
_SWEEP_EVERY_ROUNDS = 30
_NOTE_EVERY_ROUNDS = 3
_ALERT_EVERY_ROUNDS = 5


def chores_of(control: Control, sweeps: Sweeps, trail_days: int) -> list[Chore]:
    """The chores of a control plane.

    Args:
        control: acts and views.
        sweeps: of what is old.
        trail_days: how long rows of the trail are kept; 0 is for ever.
    """
    housekeeping = Housekeeping(control, trail_days)
    return [
        Chore(what="tidy the request queue", do=housekeeping.tidy_queue),
        Chore(what="look after the runs", do=RunWatch(control).look),
        Chore(
            what="remind agents of deploys",
            do=Reminders(control).send,
            every_rounds=_REMIND_EVERY_ROUNDS,
        ),
        Chore(
            what="write down what was counted",
            do=partial(control.metrics.write_down, SYSTEM),
            every_rounds=_COUNT_EVERY_ROUNDS,
        ),
        Chore(
            what="write into the logs of runs why they wait",
            do=partial(control.wait_notes.note, SYSTEM),
            every_rounds=_NOTE_EVERY_ROUNDS,
        ),
        Chore(
            what="look what alerts are about",
            do=partial(control.alert_watch.look, SYSTEM),
            every_rounds=_ALERT_EVERY_ROUNDS,
        ),
        Chore(what="heal locations", do=Healer(control).look),
        Chore(
            what="watch the releases",
            do=ReleaseWatch(control).look,
            every_rounds=_REMIND_EVERY_ROUNDS,
        ),
        Chore(
            what="close branch deployments that nobody uses",
            do=BranchAges(control).look,
            every_rounds=_AGE_EVERY_ROUNDS,
        ),
        Chore(what="purge old rows", do=housekeeping.purge, every_rounds=_PURGE_EVERY_ROUNDS),
        Chore(
            what="begin a sweep of what is old",
            do=sweeps.begin_if_due,
            every_rounds=_SWEEP_EVERY_ROUNDS,
        ),
    ]
