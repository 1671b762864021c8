"""Callers that were refused: who they are, how often they came, and what they were answered."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from dagstead.plane.reasons import Mend
from dagstead.plane.trail import Entry, WhoKind

#: Where the token of every call is looked up, and where its kind is checked.
_AT_THE_DOOR = frozenset({"token_reader.of_secret", "server.request"})
#: Of these every refusal counts: a person is refused what a role does not allow, and reads it.
_MACHINES = frozenset({WhoKind.AGENT, WhoKind.POOL})
_COMMAND = re.compile(r"`(dagstead [^`]+)`")

#: Of a token that is shorter than this, four characters are too much of it.
_LONG = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalCount:
    """Refusals of one caller since the last time that they were noted."""

    entry: Entry
    times: int
    first_at: float
    last_at: float

    @property
    def is_of_caller(self) -> bool:
        """Whether it is about a caller as such, not about one thing that a person asked for."""
        return self.entry.act in _AT_THE_DOOR or self.entry.who.kind in _MACHINES

    @property
    def name(self) -> str:
        """The token: its kind and name, or its last characters."""
        who = self.entry.who
        if who.kind is WhoKind.NOBODY:
            return self.entry.object or "a token that is too short"
        return f"{who.kind} {who.name!r}"

    @property
    def key(self) -> str:
        """The same for all sightings of a caller at one act."""
        who = self.entry.who
        whom = str(who.token_id) if who.token_id is not None else self.name
        text = "\0".join((str(who.kind), whom, who.address or "", self.entry.act))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedCaller:
    """Somebody who was refused, most often with a token that is not valid, or of another kind."""

    kind: WhoKind
    #: The token: its kind and name, or its last characters. Never the token.
    name: str
    #: Of a token that is known here.
    token_id: int | None
    address: str | None
    #: What the caller was refused at.
    act: str
    #: The sentence that the caller got.
    reason: str
    #: In seconds since 1970.
    first_at: float
    last_at: float
    times: int

    @property
    def mend(self) -> Mend:
        """What to do about it."""
        command = _COMMAND.search(self.reason)
        where = "that calls with it" if self.address is None else f"at {self.address}"
        return Mend(
            says=f"Give the program {where} a valid token of the right kind, or stop it.",
            command="dagstead token create --kind agent --name NAME"
            if command is None
            else command.group(1),
        )


def is_unknown(entry: Entry) -> bool:
    """Whether a refusal is not of a token that was valid once."""
    return entry.act != "token_reader.of_secret" or not (entry.object or "").endswith("'")


def ending_of(secret: str) -> str | None:
    """The end of a token that nobody knows, by which its owner finds it."""
    tail = secret[-4:]
    is_shown = len(secret) >= _LONG and tail.isascii() and tail.isalnum()
    return f"a token that ends in …{tail}" if is_shown else None
