"""The judge of the fault bench: what it lets pass, and everything that it has to notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.faults.table import row_of
from tests.support.faults.verdicts import Blow, Failure, Round, Trace, judge


def event(kind: str, message: str = "") -> dict[str, Any]:
    return {"__typename": kind, "message": message}


LINES = [event("MessageEvent", f"line {number}") for number in range(3)]
START, SUCCESS, FAILURE = (event(f"Run{kind}Event") for kind in ("Start", "Success", "Failure"))
GOOD = Trace(
    run_id="r-1",
    location="pex",
    status="SUCCESS",
    events=[START, *LINES, SUCCESS],
    begun=1,
    lines=3,
    messages="",
)
KILLED = replace(
    GOOD,
    status="FAILURE",
    events=[START, *LINES, FAILURE],
    lines=None,
    messages="process 12 was killed by signal 9",
)
BY_SIGNAL = Failure("killed by signal 9")


def test_a_run_that_worked_once_is_right() -> None:
    assert judge(GOOD, None).wrong == []


def test_a_victim_that_failed_by_its_true_reason_is_right() -> None:
    assert judge(KILLED, BY_SIGNAL).wrong == []


@pytest.mark.parametrize(
    ("trace", "expected", "words"),
    [
        (replace(GOOD, status="STARTING"), None, "hangs in STARTING"),
        (KILLED, None, "FAILURE: process 12"),
        (GOOD, BY_SIGNAL, "SUCCESS instead of FAILURE"),
        (KILLED, Failure("disk is full"), "'disk is full' is not the reason"),
        (replace(GOOD, begun=2), None, "its op began 2 times"),
        (replace(GOOD, lines=None), None, "its op did not come to its end"),
        (replace(GOOD, lines=4), None, "not in the log: line 3"),
        (replace(GOOD, events=[*GOOD.events, LINES[1]]), None, "twice in the log: line 1"),
        (replace(GOOD, events=[*GOOD.events, START]), None, "2 events of its start"),
        (replace(GOOD, events=[*GOOD.events, FAILURE]), None, "2 events of its end"),
        (replace(GOOD, events=[START, *LINES]), None, "0 events of its end"),
    ],
)
def test_what_must_not_be_is_said(trace: Trace, expected: Failure | None, words: str) -> None:
    [wrong] = judge(trace, expected).wrong
    assert words in wrong


def test_a_failure_that_is_tolerated_is_as_good_as_success() -> None:
    assert judge(GOOD, None, BY_SIGNAL).wrong == []
    assert judge(KILLED, None, BY_SIGNAL).wrong == []
    [wrong] = judge(KILLED, None, Failure("another reason")).wrong
    assert "is not the reason" in wrong


@pytest.mark.parametrize(
    ("healed", "shown"), [([12.4, 30.2], "30"), ([12.4, None], "never"), ([0.0], "0")]
)
def test_a_row_counts_faults_and_runs(healed: Sequence[float | None], shown: str) -> None:
    hung = replace(GOOD, status="STARTED", begun=2)
    verdicts = [judge(GOOD, None), judge(KILLED, BY_SIGNAL), judge(hung, None)]
    rounds = [
        Round(
            verdicts=verdicts,
            blows=[Blow(refused={}, healed_seconds=each)],
            ticks=["pex missed 1 of 2 ticks"],
        )
        for each in healed
    ]

    row = row_of("cell", rounds)

    times = len(rounds)
    assert (row.faults, row.runs, row.healed) == (times, 3 * times, shown)
    assert (row.succeeded, row.failed, row.hung) == (times, times, times)
    assert (row.twice, row.wrong, row.ticks) == (times, times, times)
