"""Whether the chain of the trail is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dagstead.plane.trail import BEGINNING, PRUNE, Head, Result, Row, hash_of, timestamp


@dataclass(slots=True)
class Verification:
    """Follows a chain, row by row, from the oldest that is kept."""

    #: A head that somebody noted earlier.
    noted: Head | None = None
    rows: int = 0
    first: int | None = None
    faults: list[str] = field(default_factory=list)
    _last: Head | None = None
    _before_first: Head | None = None
    _pruned: Head | None = None
    _noted_hash: str | None = None

    def take(self, row: Row, columns: Mapping[str, Any]) -> None:
        """The next row, and what is stored beside its body."""
        said = _said(row)
        if self.first is None:
            self.first = row.seq
        if said is None:
            self.faults.append(f"Row {row.seq} cannot be read.")
        else:
            self._follow(row, said)
            is_of_then = timestamp(row.at) == said.get("at")
            if dict(columns) != dict(row.columns) or not is_of_then:
                self.faults.append(f"Row {row.seq} was changed: it would be found as another one.")
        if hash_of(row.body) != row.hash:
            self.faults.append(f"Row {row.seq} was changed: its hash is of another text.")
        if self.noted is not None and row.seq == self.noted.seq:
            self._noted_hash = row.hash
        self.rows += 1
        self._last = Head(seq=row.seq, hash=row.hash)

    def _follow(self, row: Row, said: Mapping[str, Any]) -> None:
        previous = str(said.get("previous"))
        if self._last is None:
            self._before_first = Head(seq=row.seq - 1, hash=previous)
        elif row.seq != self._last.seq + 1:
            missing = _span(self._last.seq + 1, row.seq - 1)
            self.faults.append(f"{missing} missing.")
        elif previous != self._last.hash:
            self.faults.append(f"Row {row.seq} does not follow row {self._last.seq} as it is.")
        if said.get("seq") != row.seq:
            self.faults.append(f"Row {row.seq} says that it is row {said.get('seq')}.")
        if said.get("act") == PRUNE and said.get("result") == Result.DONE:
            after = said.get("after") or {}
            self._pruned = Head(seq=int(after["through"]), hash=str(after["hash"]))

    def end(self, head: Head) -> list[str]:
        """All faults, once every row was taken.

        Args:
            head: the end of the chain, as it is recorded apart from the rows.
        """
        if self._last is None:
            if head != Head(seq=0, hash=BEGINNING):
                self.faults.append(f"{_span(1, head.seq)} missing.")
            self._compare_noted()
            return self.faults
        begins_at = self._pruned or Head(seq=0, hash=BEGINNING)
        if self._before_first != begins_at:
            self.faults.insert(0, self._torn(begins_at))
        if self._last.seq < head.seq:
            self.faults.append(f"{_span(self._last.seq + 1, head.seq)} missing at the end.")
        elif self._last != head:
            self.faults.append(f"Row {self._last.seq} is not the one that was written last.")
        self._compare_noted()
        return self.faults

    def _torn(self, begins_at: Head) -> str:
        first = self.first or 0
        if first - 1 > begins_at.seq:
            return f"{_span(begins_at.seq + 1, first - 1)} missing at the beginning."
        return f"Row {first} does not follow what was removed because of its age."

    def _compare_noted(self) -> None:
        if self.noted is None or self.noted.seq < (self.first or 0):
            return
        if self._noted_hash != self.noted.hash:
            self.faults.append(
                f"Row {self.noted.seq} is not the one that was noted: the chain was written anew."
            )


def _said(row: Row) -> Mapping[str, Any] | None:
    try:
        said = row.said
        _ = row.columns
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return said


def _span(first: int, last: int) -> str:
    return f"Row {first} is" if first == last else f"Rows {first} to {last} are"
