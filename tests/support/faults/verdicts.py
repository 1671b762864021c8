"""What became of a run, by its events and by what its op left behind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.deployment import ENDED

#: The events by which a run begins and ends.
_START = "RunStartEvent"
_ENDS = frozenset({"RunSuccessEvent", "RunFailureEvent", "RunCanceledEvent"})
_SHOWN = 600
_LINE = re.compile(r"line \d+")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that is known of a run once the bench waits for it no longer."""

    run_id: str
    location: str
    status: str
    events: Sequence[dict[str, Any]]
    #: How often its op began, by the files that it made.
    begun: int
    #: How many lines its op logged; None if it did not come to its end.
    lines: int | None
    #: Those of its events, with the errors in them.
    messages: str

    @property
    def last_words(self) -> str:
        """The end of its log, for people who look for what went wrong."""
        return self.messages.strip()[-_SHOWN:]


@dataclass(frozen=True)
class Failure:
    """How a run may end, if it is one that the fault has to end."""

    #: A pattern that a message of its events has to have.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One run, judged."""

    trace: Trace
    #: In words, what must not be; empty if all is well.
    wrong: Sequence[str]

    @property
    def hung(self) -> bool:
        """It has not ended."""
        return self.trace.status not in ENDED

    @property
    def doubled(self) -> bool:
        """Its op began more than once."""
        return self.trace.begun > 1


@dataclass(frozen=True, kw_only=True)
class Blow:
    """How new runs fared after one fault."""

    #: Why they were not accepted, by location.
    refused: Mapping[str, str]
    #: From the end of the fault until a new run of every location had succeeded.
    healed_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round has shown."""

    verdicts: Sequence[Verdict]
    blows: Sequence[Blow]
    #: Which ticks of schedules were missed or made twice, in words.
    ticks: Sequence[str]

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of it that would disturb another round."""
        has_healed = self.blows[-1].healed_seconds is not None
        return has_healed and not any(each.hung for each in self.verdicts)

    def complaints(self) -> Sequence[str]:
        """What must not be, in words."""
        wrong = [
            f"{verdict.trace.location} {verdict.trace.run_id}: {words}"
            for verdict in self.verdicts
            for words in verdict.wrong
        ]
        refused = [
            f"{name} refused: {words}"
            for blow in self.blows
            for name, words in blow.refused.items()
        ]
        return [*wrong, *refused, *self.ticks]


def judge(trace: Trace, expected: Failure | None, tolerated: Failure | None = None) -> Verdict:
    """Compare a run with what has to become of it; ``None`` is success.

    Args:
        trace: what is known of it.
        expected: what has to become of it.
        tolerated: a failure that is as good as what is expected.
    """
    if tolerated is not None and trace.status == "FAILURE":
        expected = tolerated
    wrong = [*_wrong_end(trace, expected), *_wrong_work(trace), *_wrong_events(trace)]
    return Verdict(trace=trace, wrong=wrong)


def _wrong_end(trace: Trace, expected: Failure | None) -> Sequence[str]:
    if trace.status not in ENDED:
        return [f"hangs in {trace.status}: {trace.last_words}"]
    if expected is None:
        return [] if trace.status == "SUCCESS" else [f"{trace.status}: {trace.last_words}"]
    if trace.status != "FAILURE":
        return [f"{trace.status} instead of FAILURE"]
    if not re.search(expected.reason, trace.messages):
        return [f"{expected.reason!r} is not the reason: {trace.last_words}"]
    return []


def _wrong_work(trace: Trace) -> Sequence[str]:
    if trace.begun > 1:
        return [f"its op began {trace.begun} times"]
    if trace.status == "SUCCESS" and trace.lines is None:
        return ["SUCCESS, and its op did not come to its end"]
    return []


def _wrong_events(trace: Trace) -> Sequence[str]:
    wrong = []
    kinds = Counter(each["__typename"] for each in trace.events)
    ends = sum(kinds[kind] for kind in _ENDS)
    if trace.status in ENDED and ends != 1:
        wrong.append(f"{ends} events of its end")
    if kinds[_START] > 1:
        wrong.append(f"{kinds[_START]} events of its start")
    found = Counter(m["message"] for m in trace.events if _LINE.fullmatch(m["message"]))
    twice = sorted(line for line, times in found.items() if times > 1)
    if twice:
        wrong.append(f"twice in the log: {', '.join(twice)}")
    if trace.lines is not None:
        missing = {f"line {number}" for number in range(trace.lines)} - found.keys()
        if missing:
            wrong.append(f"not in the log: {', '.join(sorted(missing))}")
    return wrong
