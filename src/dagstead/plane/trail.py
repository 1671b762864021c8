"""The trail: who did what, from where, on what, with which result; each row seals the one before.

A row is a line of JSON, and its hash is of exactly that text. The line has the hash of the line
before it and counts up by one: a line that is missing, changed or put in breaks the chain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from dagstead.errors import InvalidInputError
from dagstead.model.text import plain_line

#: What stands before the first row.
BEGINNING: Final = "0" * 64

#: The act that removes old rows. Its own row has the hash of the last one that is gone, so that
#: what is left still hangs together.
PRUNE: Final = "trail.prune"

#: Of a page.
MOST_ROWS: Final = 1000

_HASH = re.compile(r"[0-9a-f]{64}")

#: Nothing that callers send makes a row longer than a line of the common logs may be.
_MOST_TEXT = 300
_MOST_REASON = 600
_MOST_STATE = 2500


class Result(StrEnum):
    """How an act ended."""

    DONE = "done"
    #: The actor lacks the right.
    REFUSED = "refused"
    #: It was let in, and something else was in the way.
    FAILED = "failed"
    #: It began to change something, and its process ended before it could say how it went.
    UNKNOWN = "unknown"


class WhoKind(StrEnum):
    """Who acts."""

    PERSON = "person"
    CI = "CI job"
    AGENT = "agent"
    POOL = "managed pool"
    #: User code in a managed pool.
    CODE = "user code"
    #: Somebody at the machine of the control plane.
    COMMAND_LINE = "command line"
    #: The control plane by itself.
    SYSTEM = "control plane"
    #: A caller whom nobody knows.
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """Who did an act, and from where."""

    kind: WhoKind
    name: str
    token_id: int | None = None
    #: Of a CI job, as its provider has verified it.
    project: str | None = None
    #: The address of the client.
    address: str | None = None

    @property
    def key(self) -> str:
        """What stays the same while its tokens change: refusals are counted by it."""
        if self.kind is WhoKind.CI and self.project:
            return f"{self.kind} {self.project}"
        if self.kind is WhoKind.CODE:
            return f"{self.kind} {self.name.rpartition(' of ')[2]}"
        return f"{self.kind} {self.token_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a row says."""

    who: Who
    #: The name of the act, such as ``tokens.revoke``.
    act: str
    result: Result
    #: Of the object; ``None`` for what is of the organization.
    deployment: str | None = None
    #: What it was done on, in words.
    object: str | None = None
    #: The state of the object before and after: what is not the same in both. Never a secret.
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    #: Why it was refused, or failed.
    reason: str | None = None
    #: How often: only refusals are counted together.
    count: int = 1
    #: When the first of them came.
    since: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A stored row. Its body is the text that its hash is of."""

    seq: int
    at: float
    body: str
    hash: str

    @classmethod
    def after(cls, previous: str, seq: int, at: float, entry: Entry) -> Row:
        """The row of an entry, behind the row with a hash."""
        body = _body(seq, at, previous, entry)
        return cls(seq=seq, at=at, body=body, hash=hash_of(body))

    @property
    def said(self) -> Mapping[str, Any]:
        """The body, read."""
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def line(self) -> str:
        """The row with its hash, as JSON on one line."""
        return f'{self.body[:-1]},"hash":"{self.hash}"}}'

    @property
    def columns(self) -> Mapping[str, Any]:
        """What is stored beside the body, to find the row by."""
        said = self.said
        who, on = said["who"], said["on"]
        return {
            "who_kind": who["kind"],
            "who": " ".join(filter(None, (who["name"], who.get("project")))),
            "token_id": who.get("token"),
            "act": said["act"],
            "place": on.get("deployment"),
            "object": on.get("object"),
            "result": said["result"],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The end of the chain."""

    seq: int
    hash: str

    @classmethod
    def read(cls, text: str) -> Head:
        """What :meth:`__str__` has written.

        Raises:
            InvalidInputError: for anything else.
        """
        seq, _, found = text.strip().partition(":")
        if not (seq.isdecimal() and _HASH.fullmatch(found)):
            msg = f"{text[:100]!r} is no end of a trail. `dagstead trail verify` prints one."
            raise InvalidInputError(msg)
        return cls(seq=int(seq), hash=found)

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sink:
    """How far the trail has come that is sent to another place."""

    name: str
    #: The number of the last row that has arrived.
    position: int
    #: How many rows wait.
    waiting: int = 0
    sent_at: float | None = None
    failing_since: float | None = None
    fault: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailFilter:
    """Which rows are asked for, the newest first. Whatever is left out does not matter."""

    #: A part of the name of a person, a token or a project; or the number of a token.
    who: str | None = None
    #: The name of an act, or the beginning of it: ``tokens`` is all acts on tokens.
    act: str | None = None
    #: A deployment, or a part of what it was done on.
    on: str | None = None
    result: Result | None = None
    since: float | None = None
    until: float | None = None
    #: Only rows with smaller numbers: the next page.
    below: int | None = None
    limit: int = 100


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


def hash_of(body: str) -> str:
    """The hash of a row."""
    return hashlib.sha256(body.encode()).hexdigest()


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """What is not the same in two states of an object."""
    if before is None or after is None:
        return before, after
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: before[name] for name in changed if name in before},
        {name: after[name] for name in changed if name in after},
    )


def timestamp(seconds: float) -> str:
    """A point in time in UTC, as rows have it."""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(seq: int, at: float, previous: str, entry: Entry) -> str:
    who = entry.who
    said: dict[str, Any] = {
        "seq": seq,
        "at": timestamp(at),
        "who": _given(
            kind=str(who.kind),
            name=_text(who.name),
            token=who.token_id,
            project=_text(who.project),
            address=_text(who.address),
        ),
        "act": entry.act,
        "on": _given(deployment=_text(entry.deployment), object=_text(entry.object)),
        "result": str(entry.result),
    }
    said |= _given(
        reason=_text(entry.reason, _MOST_REASON),
        before=_state(entry.before),
        after=_state(entry.after),
        count=entry.count if entry.count > 1 else None,
        since=None if entry.since is None else timestamp(entry.since),
    )
    said["previous"] = previous
    return _json(said)


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: object) -> str:
    # Escaped to ASCII, it is the same text in every database, file and log.
    return json.dumps(value, separators=(",", ":"), default=str)


def _text(text: str | None, most: int = _MOST_TEXT) -> str | None:
    if text is None:
        return None
    plain = plain_line(text)
    return plain if len(_json(plain)) <= most else f"{_cut(plain, most)}…"


def _cut(text: str, most: int) -> str:
    while len(_json(text)) > most:
        text = text[: len(text) * 3 // 4]
    return text


def _state(state: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A state that is not too long: its longest values are cut."""
    if state is None:
        return None
    kept = {_cut(plain_line(str(name)), _MOST_TEXT): _plain(each) for name, each in state.items()}
    while len(_json(kept)) > _MOST_STATE:
        longest = max(kept, key=lambda name: len(_json(kept[name])))
        text = _json(kept[longest])
        if len(text) <= _MOST_TEXT:
            # There are too many of them.
            return {"fields": len(kept), "said": _cut(_json(kept), _MOST_STATE // 2)}
        kept[longest] = f"{_cut(text, _MOST_TEXT // 2)}… ({len(text)} characters)"
    return kept


def _plain(value: Any) -> Any:
    match value:
        case str():
            return plain_line(value)
        case Mapping():
            return {plain_line(str(name)): _plain(each) for name, each in value.items()}
        case bool() | int() | float() | None:
            return value
        case Iterable():
            return [_plain(each) for each in value]
        case _:
            return plain_line(str(value))


def _said(row: Row) -> Mapping[str, Any] | None:
    try:
        said = row.said
        _ = row.columns
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return said


def _span(first: int, last: int) -> str:
    return f"Row {first} is" if first == last else f"Rows {first} to {last} are"
