"""Which agents are there: from their heartbeats, and from the calls of their tokens.

Heartbeats name the agent and come every 30 seconds. Polls and workspace queries come every few
seconds and name only the token: the token of a dead agent falls silent long before its heartbeat is
missed, as long as no other agent uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat

#: An official agent polls every half second and asks for the workspace every five. A token without
#: either for this long is not used by any agent that runs.
SILENT_SECONDS = 15.0

#: Two heartbeats and a bit. Of several agents with one token, the one that missed two is dead.
MISSED_SECONDS = 65.0

#: An agent that could not reach the server tries again after 16 seconds at the latest.
RECONNECT_SECONDS = 20.0

#: Servers note every few seconds that they listen. When none has for this long, none did: it was
#: down or frozen, or its database was away.
DEAF_SECONDS = 12.0

#: A dead agent that no other has replaced is listed for a day, for people who look for it.
LISTED_SECONDS = 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenCalls:
    """The newest calls with the token of an agent, or of several."""

    token_id: int
    #: When an agent last asked for work; ``None`` if none ever did.
    polled_at: float | None
    #: When an agent last asked which locations it is to serve.
    asked_at: float | None

    @property
    def heard_at(self) -> float:
        """When the last of them came."""
        return max(self.polled_at or 0.0, self.asked_at or 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListeningSpan:
    """What servers noted of their listening for agents."""

    #: Since when at least one listens without a pause.
    since: float
    noted_at: float

    def heard_since(self, now: float) -> float:
        """Since when the silence of agents counts: not yet, where nobody listened just now.

        A server that is gone for good serves nobody, so that after a while silence counts again.
        """
        is_pause = DEAF_SECONDS <= now - self.noted_at < ALIVE_SECONDS
        return now if is_pause else self.since

    def noted_again(self, now: float) -> ListeningSpan:
        """The next state, when a server notes that it listens."""
        has_paused = now - self.noted_at >= DEAF_SECONDS
        return ListeningSpan(since=now if has_paused else self.since, noted_at=now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """What is heard of agents, at one time."""

    now: float
    #: By token.
    calls: Mapping[int, TokenCalls] = field(default_factory=dict)
    #: Since when the server listens. Silence before that was the server's.
    listening_since: float = 0.0

    def is_silent(self, token_id: int) -> bool | None:
        """Whether no agent uses a token; ``None`` when its calls were never recorded."""
        calls = self.calls.get(token_id)
        if calls is None:
            return None
        heard_at = max(calls.heard_at, self.listening_since + RECONNECT_SECONDS - SILENT_SECONDS)
        return self.now - heard_at >= SILENT_SECONDS

    def is_busy_loading(self, token_id: int) -> bool:
        """Whether the agents of a token ask for their locations, and take no work.

        An official agent does so until it has started the code servers of all its locations.
        """
        calls = self.calls.get(token_id)
        if calls is None or self.is_silent(token_id):
            return False
        polled_at = max(calls.polled_at or 0.0, self.listening_since)
        return self.now - polled_at >= SILENT_SECONDS

    def alive(self, beats: Iterable[Heartbeat]) -> list[Heartbeat]:
        """The heartbeats of the agents that are alive, in the given order."""
        every = list(beats)
        crowded = _shared_tokens(every, self.now)
        return [beat for beat in every if self._is_alive(beat, is_shared=beat.token_id in crowded)]

    def _is_alive(self, beat: Heartbeat, *, is_shared: bool) -> bool:
        if not beat.is_alive(self.now) or self.is_silent(beat.token_id):
            return False
        return not is_shared or self.now - beat.received_at < MISSED_SECONDS


def last_heard(beat: Heartbeat, presence: Presence, beats: Iterable[Heartbeat]) -> float:
    """When an agent was last heard of: its token counts where it is the only one that uses it."""
    calls = presence.calls.get(beat.token_id)
    if calls is None or beat.token_id in _shared_tokens(beats, presence.now):
        return beat.received_at
    newest = all(
        other.received_at <= beat.received_at for other in beats if other.token_id == beat.token_id
    )
    return max(beat.received_at, calls.heard_at) if newest else beat.received_at


def listed(
    beats: Sequence[Heartbeat],
    alive: Iterable[Heartbeat],
    now: float,
    names: Mapping[int, str] | None = None,
) -> list[Heartbeat]:
    """The heartbeats that lists of agents show: of live agents, and of dead ones that are missed.

    A dead agent is not missed when another with its token and label has begun after its end, nor
    after a day.

    Args:
        beats: of all agents.
        alive: those of live agents.
        now: in seconds since 1970.
        names: of tokens. A token of the same name counts as the same: the managed pool of a machine
            gets a new one at every start.
    """
    living = {beat.key for beat in alive}
    return [
        beat
        for beat in beats
        if beat.key in living
        or (now - beat.received_at < LISTED_SECONDS and not _is_replaced(beat, beats, names or {}))
    ]


def _is_replaced(beat: Heartbeat, beats: Iterable[Heartbeat], names: Mapping[int, str]) -> bool:
    def token_of(one: Heartbeat) -> int | str:
        return names.get(one.token_id, one.token_id)

    return any(
        other.label == beat.label
        and token_of(other) == token_of(beat)
        and other.key != beat.key
        and other.first_received_at > beat.received_at
        for other in beats
    )


def _shared_tokens(beats: Iterable[Heartbeat], now: float) -> frozenset[int]:
    """The tokens that several agents used lately."""
    users: dict[int, set[str]] = defaultdict(set)
    for token_id, agent_id in _users(beats, now):
        users[token_id].add(agent_id)
    return frozenset(token_id for token_id, ids in users.items() if len(ids) > 1)


def _users(beats: Iterable[Heartbeat], now: float) -> Iterator[tuple[int, str]]:
    return ((beat.token_id, beat.agent_id) for beat in beats if beat.is_alive(now))
