"""How a control plane is: its parts, judged by what the database and the disk say of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.plane.agent_keys import AgentKey
from dagstead.plane.agents import Heartbeat
from dagstead.plane.leases import Lease
from dagstead.plane.pauses import Pause
from dagstead.plane.presence import Presence, listed
from dagstead.plane.tokens import Token

#: How old the leader's newest renewal may be: another one leads by then, or nobody can.
LEADER_SECONDS = 15.0
#: With less, uploads and event logs fail soon; of a small disk it is less than a tenth of it.
LOW_DISK_BYTES = 256 * 1024**2
_LOW_FILES = 100
#: In the sentence on those that end soon.
_TOKENS_NAMED = 5
#: In the sentence on those that are ignored: of one place, and places.
_SETTINGS_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPart:
    """One part of a control plane."""

    name: str
    is_well: bool
    #: How it is, in a sentence; if it is not well, also what to do.
    says: str
    #: The same as numbers, for machines. Everybody may see them.
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A disk that this control plane writes to, in bytes."""

    #: What is kept on it, for a sentence.
    of: str
    free: int
    total: int
    #: How many more files it takes, if that is limited.
    files_left: int | None = None

    @property
    def trouble(self) -> str | None:
        """Why writing to it fails, or soon will."""
        if self.free < min(LOW_DISK_BYTES, self.total // 10):
            return f"The disk of {self.of} is full: {_size(self.free)} are free. Make room on it."
        if self.files_left is not None and self.files_left < _LOW_FILES:
            return f"The disk of {self.of} takes no more files. Remove some."
        return None


def parts_of(
    lease: Lease,
    disks: Sequence[Disk],
    beats: Sequence[Heartbeat],
    presence: Presence,
    *,
    refusal: str | None = None,
    pause: Pause | None = None,
) -> Sequence[ServerPart]:
    """All parts.

    Args:
        lease: of the leader, which has been read: so the database answers.
        disks: at least that of the data folder.
        beats: the newest heartbeats of agents.
        presence: what is heard of them now.
        refusal: why the database has just refused a change, as a sentence.
        pause: of the whole control plane.
    """
    now = presence.now
    living = presence.alive(beats)
    alive = {beat.key for beat in living}
    newest: dict[AgentKey, Heartbeat] = {}
    for beat in sorted(listed(beats, living, now), key=lambda beat: beat.received_at):
        newest[beat.key] = beat
    return (
        _database(refusal),
        _leader(lease, pause, now),
        _disk(disks),
        _pool([beat for beat in newest.values() if beat.is_pool], alive, now),
        _agents([beat for beat in newest.values() if not beat.is_pool], alive),
    )


def tokens_part(tokens: Sequence[Token], now: float) -> ServerPart:
    """The tokens of people and agents, of which some may end in the next weeks."""
    ending = [token for token in tokens if token.ends_soon(now)]
    numbers = {"expire_soon": len(ending)}
    if not ending:
        return ServerPart(
            name="tokens", is_well=True, says="No token expires soon.", numbers=numbers
        )
    named = ", ".join(
        f"{token.name!r} in {span((token.expires_at or now) - now)}"
        for token in ending[:_TOKENS_NAMED]
    )
    more = f" and {len(ending) - _TOKENS_NAMED} more" if len(ending) > _TOKENS_NAMED else ""
    says = (
        f"Tokens expire soon: {named}{more}. `dagstead token rotate NAME` gives a token a new "
        "secret; the former one works on for a day."
    )
    # Nothing has failed, and whoever holds one may not need it any more.
    return ServerPart(name="tokens", is_well=True, says=says, numbers=numbers)


def settings_part(ignored: Mapping[str, Sequence[str]]) -> ServerPart:
    """The settings of deployments and the organization.

    Args:
        ignored: what has no effect of what is stored, by whose it is.
    """
    count = sum(map(len, ignored.values()))
    numbers = {"ignored": count}
    if not ignored:
        says = "All that are stored are honoured."
    else:
        named = [
            f"{', '.join(paths[:_SETTINGS_NAMED])} of {whose}"
            for whose, paths in sorted(ignored.items())
        ]
        others = len(named) - _SETTINGS_NAMED
        more = f" and of {others} more" if others > 0 else ""
        says = (
            f"{count} that an older version has stored are ignored: "
            f"{'; '.join(named[:_SETTINGS_NAMED])}{more}. `dagstead deployment settings NAME` says "
            "why."
        )
    # They were ignored before, too: nothing has failed.
    return ServerPart(name="settings", is_well=True, says=says, numbers=numbers)


def leads(lease: Lease) -> bool:
    """Whether there is a leader that has renewed its lease in time."""
    return lease.holder is not None and abs(lease.age) < LEADER_SECONDS


def _database(refusal: str | None) -> ServerPart:
    says = "It answers." if refusal is None else f"It answers, and takes no change: {refusal}"
    return ServerPart(name="database", is_well=refusal is None, says=says)


def _leader(lease: Lease, pause: Pause | None, now: float) -> ServerPart:
    numbers = {
        "epoch": lease.epoch,
        "age_seconds": round(max(0.0, lease.age), 1),
        "leads_for_seconds": round(max(0.0, now - lease.since), 1),
    }
    stands_still = "Queued runs do not start, and schedules and sensors do not tick."
    what_stops = f"{stands_still} Start `dagstead daemon` or `dagstead up`, or look at its log."
    if lease.holder is None:
        del numbers["age_seconds"], numbers["leads_for_seconds"]
        says = f"No process runs the daemons. {what_stops}"
        return ServerPart(name="leader", is_well=False, says=says, numbers=numbers)
    if not leads(lease):
        says = (
            f"No process runs the daemons: {lease.holder} did until {lease.age:.0f} seconds ago. "
            f"{what_stops}"
        )
        return ServerPart(name="leader", is_well=False, says=says, numbers=numbers)
    if pause is not None:
        more = " Agents get no other work either, but to end runs." if pause.everything else ""
        says = (
            f"Paused for {span(now - pause.since)}. {pause.reason} {stands_still}{more} "
            "Go on with `dagstead resume`."
        )
        return ServerPart(name="leader", is_well=False, says=says, numbers=numbers)
    says = f"The daemons run as {lease.holder}, for {span(now - lease.since)}."
    return ServerPart(name="leader", is_well=True, says=says, numbers=numbers)


def _disk(disks: Sequence[Disk]) -> ServerPart:
    troubles = [disk.trouble for disk in disks if disk.trouble]
    fullest = min(disks, key=lambda disk: disk.free)
    states = [
        f"The disk of {disk.of} has {_size(disk.free)} of {_size(disk.total)} free."
        for disk in disks
    ]
    return ServerPart(
        name="disk",
        is_well=not troubles,
        says=" ".join(troubles or states),
        numbers={"free_bytes": fullest.free, "total_bytes": fullest.total},
    )


def _pool(beats: Sequence[Heartbeat], alive: Collection[AgentKey], now: float) -> ServerPart:
    if not beats:
        return ServerPart(name="pool", is_well=True, says="No managed pool has been started.")
    latest = max(beat.received_at for beat in beats)
    numbers = {"age_seconds": round(now - latest, 1)}
    serving = [beat for beat in beats if beat.key in alive]
    if serving:
        walls = [beat.walls for beat in serving if beat.walls]
        return ServerPart(
            name="pool",
            is_well=True,
            says=f"The managed pool serves.{_walls(walls)}",
            numbers={**numbers, **_levels(walls)},
        )
    says = (
        f"The managed pool has been silent for {span(now - latest)}. Start it with `dagstead up` "
        "or `dagstead pool`, or look at its log."
    )
    return ServerPart(name="pool", is_well=False, says=says, numbers=numbers)


def _walls(pools: Sequence[Sequence[str]]) -> str:
    """A sentence on the walls around user code, of the pool that has the weakest."""
    if not pools:
        return ""
    level, *walls = max(pools, key=lambda words: words[0])
    return f" Walls around user code, {level.replace('level', 'level ')}: {', '.join(walls)}."


def _levels(pools: Sequence[Sequence[str]]) -> Mapping[str, float]:
    levels = [int(words[0][-1]) for words in pools if words[0][-1].isdigit()]
    return {"sandbox_level": max(levels)} if levels else {}


def _agents(beats: Sequence[Heartbeat], alive: Collection[AgentKey]) -> ServerPart:
    silent = sum(beat.key not in alive for beat in beats)
    running = len(beats) - silent
    numbers = {"running": running, "silent": silent}
    run = "1 hybrid agent runs" if running == 1 else f"{running} hybrid agents run"
    says = f"{run}, {silent} {'is' if silent == 1 else 'are'} silent."
    # Who may be gone for good, or on purpose, is no fault of the control plane.
    return ServerPart(name="agents", is_well=True, says=says, numbers=numbers)


def span(seconds: float) -> str:
    """A period of time in words."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"


def _size(count: int) -> str:
    gibibytes = count / 1024**3
    return f"{gibibytes:.1f} GiB" if gibibytes >= 1 else f"{count / 1024**2:.0f} MiB"
