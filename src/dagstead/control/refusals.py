"""Counts what comes again and again, so that a flood of it is a few rows of the trail.

The first refusal of somebody at an act is a row at once, and so are the 10th, the 100th and so on
within the hour, each with how many it stands for. What is left of the hour is one more row. Nobody
has more than ``_ACTS`` acts counted on their own; all others are counted together. So one caller
adds at most a few dozen rows an hour, however many millions are refused.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from dagstead.plane.clock import Clock
from dagstead.plane.refused_callers import RefusalCount, is_unknown
from dagstead.plane.trail import Entry

_WINDOW_SECONDS = 3600.0
#: Of one caller, in an hour.
_ACTS = 10
#: Callers that are counted at one time; of more, those that were seen longest ago are written down.
_CALLERS = 2000
#: Objects that a row of several names.
_OBJECTS = 5
_OTHERS = "(other acts)"
#: How often it is noted that a caller comes again.
_SIGHTING_SECONDS = 60.0


@dataclass(slots=True)
class _Count:
    entry: Entry
    since: float
    seen: int = 0
    written: int = 0
    objects: dict[str, None] = field(default_factory=dict)
    #: When the last one came, how many of them are noted as sightings, and when that was.
    last_at: float = 0.0
    sighted: int = 0
    sighted_at: float = 0.0

    def add(self, entry: Entry, now: float) -> None:
        self.seen += 1
        self.last_at = now
        self.entry = entry
        if entry.object is not None and len(self.objects) <= _OBJECTS:
            self.objects.setdefault(entry.object)

    def due(self) -> Entry | None:
        """What to write down now: at the first, and at each power of ten."""
        digits = str(self.seen)
        return self.rest() if digits == "1" + "0" * (len(digits) - 1) else None

    def sighting(self, now: float, *, is_last: bool = False) -> RefusalCount | None:
        """What was not noted yet, once a minute."""
        new = self.seen - self.sighted
        if not new or (now - self.sighted_at < _SIGHTING_SECONDS and not is_last):
            return None
        first_at = self.since if not self.sighted else self.last_at
        self.sighted, self.sighted_at = self.seen, now
        return RefusalCount(entry=self.entry, times=new, first_at=first_at, last_at=self.last_at)

    def rest(self) -> Entry | None:
        """Whatever is not written down yet."""
        new = self.seen - self.written
        if not new:
            return None
        self.written = self.seen
        if new == 1:
            return self.entry
        named = list(self.objects)
        more = ["…"] if len(named) > _OBJECTS else []
        together = ", ".join([*named[:_OBJECTS], *more]) or None
        return replace(self.entry, object=together, count=new, since=self.since)


@dataclass(slots=True)
class Refusals:
    """The counts of one process. What it has not written down when it is killed is lost."""

    clock: Clock
    _counts: OrderedDict[str, dict[str, _Count]] = field(default_factory=OrderedDict)
    #: Of counts that have ended.
    _left: list[RefusalCount] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, entry: Entry) -> list[Entry]:
        """Count one; returns what to write down now."""
        with self._lock:
            written = list(self._over())
            now = self.clock()
            acts = self._counts.setdefault(entry.who.key, {})
            self._counts.move_to_end(entry.who.key)
            key = self._key(entry, acts)
            if key == _OTHERS:
                entry = replace(entry, act=_OTHERS, object=entry.act, deployment=None)
            count = acts.setdefault(key, _Count(entry=entry, since=now))
            count.add(entry, now)
            due = count.due()
            written += [] if due is None else [due]
            while len(self._counts) > _CALLERS:
                _, oldest = self._counts.popitem(last=False)
                self._leave(oldest.values())
                written += _rests(oldest)
            return written

    def over(self, *, all_of_them: bool = False) -> list[Entry]:
        """What to write down of hours that are over; with ``all_of_them``, of this one as well."""
        with self._lock:
            return list(self._over(all_of_them=all_of_them))

    def sightings(self, *, all_of_them: bool = False) -> list[RefusalCount]:
        """What to note of callers: of everybody once a minute, or with ``all_of_them`` at once."""
        with self._lock:
            now = self.clock()
            due = [
                sighting
                for acts in self._counts.values()
                for count in acts.values()
                if (sighting := count.sighting(now, is_last=all_of_them)) is not None
            ]
            left, self._left[:] = list(self._left), []
            return [*left, *due]

    def _leave(self, counts: Iterable[_Count]) -> None:
        """Keep what is not noted of counts that end."""
        last = (count.sighting(self.clock(), is_last=True) for count in counts)
        self._left += [each for each in last if each is not None][: _CALLERS - len(self._left)]

    def _over(self, *, all_of_them: bool = False) -> Iterator[Entry]:
        begun_before = self.clock() - _WINDOW_SECONDS
        for who in list(self._counts):
            acts = self._counts[who]
            ended = {
                key: count
                for key, count in acts.items()
                if all_of_them or count.since <= begun_before
            }
            self._leave(ended.values())
            yield from _rests(ended)
            for key in ended:
                del acts[key]
            if not acts:
                del self._counts[who]

    def _key(self, entry: Entry, acts: dict[str, _Count]) -> str:
        address = "" if entry.who.token_id is not None else f" {entry.who.address}"
        # What nobody knows is counted together: it may be another guess every time.
        token = "" if entry.who.token_id is not None or is_unknown(entry) else f" {entry.object}"
        key = f"{entry.act} {entry.result}{address}{token}"
        return key if key in acts or len(acts) < _ACTS else _OTHERS


def _rests(acts: dict[str, _Count]) -> list[Entry]:
    return [rest for count in acts.values() if (rest := count.rest()) is not None]
