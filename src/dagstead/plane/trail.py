"""The trail: who did what, from where, on what, with which result; each row seals the one before.

A row is a line of JSON, and its hash is of exactly that text. The line has the hash of the line
before it and counts up by one: a line that is missing, changed or put in breaks the chain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    #: What collects metrics, or starts and stops agents.
    METRICS = "metrics"
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
    #: When the oldest of them was written.
    waits_since: float | None = None
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
