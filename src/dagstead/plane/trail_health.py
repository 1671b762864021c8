"""How the trail is: whether it arrives where it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.plane.health import ServerPart, span
from dagstead.plane.trail import Sink

#: How long a row may wait to be sent.
_STUCK_SECONDS = 300.0


def trail_part(sinks: Sequence[Sink], now: float) -> ServerPart:
    """How the trail is.

    Args:
        sinks: where it is sent.
        now: the time, in seconds since 1970.
    """
    numbers = {f"{sink.name}_waiting": float(sink.waiting) for sink in sinks}
    troubles = [text for sink in sinks if (text := _trouble_of(sink, now))]
    names = " and ".join(f"the {sink.name}" for sink in sinks)
    well = f"It is kept here, and sent to {names}." if sinks else "It is kept here."
    return ServerPart(
        name="trail", is_well=not troubles, says=" ".join(troubles) or well, numbers=numbers
    )


def _trouble_of(sink: Sink, now: float) -> str | None:
    """Why the trail does not arrive; what is done goes on, and nothing is lost."""
    kept = f"{sink.waiting} rows wait and are kept until they have arrived."
    if sink.failing_since is not None:
        return (
            f"The trail has not reached the {sink.name} for {span(now - sink.failing_since)}: "
            f"{sink.fault} {kept} Repair it, or correct `trail_{sink.name}`."
        )
    if sink.waits_since is not None and now - sink.waits_since > _STUCK_SECONDS:
        return (
            f"The trail has not been sent to the {sink.name} for {span(now - sink.waits_since)}. "
            f"{kept} Start `dagstead daemon` or `dagstead up`, or look at its log."
        )
    return None
