"""What happens to a location outside any release: it falls into error, and is tried again."""

from __future__ import annotations

from dagstead.plane.healing import RefusedCall, failed_again, tried_again
from dagstead.plane.locations import LoadState, Location
from dagstead.plane.release_machine.draft import Draft
from dagstead.plane.release_machine.events import CallRefusal, CallSuccess, HealingTry, HealthEvent


def set_load_error(draft: Draft, location: Location, error: str) -> None:
    """Store why the code that is to serve cannot be loaded."""
    healing = failed_again(location.healing, draft.state.now)
    draft.put(location, state=LoadState.FAILED, error=error, healing=healing)


def heal(draft: Draft, event: HealthEvent) -> bool:
    """Apply an event that no release is waiting for; returns whether it counts."""
    location = draft.locations.get(event.name)
    if location is None or location.open_release is not None:
        return False
    match event:
        case HealingTry():
            return _try_again(draft, location, event)
        case CallRefusal():
            return _refuse(draft, location, event)
        case CallSuccess():
            return _take_back(draft, location)


def _try_again(draft: Draft, location: Location, event: HealingTry) -> bool:
    if location.version != event.version or location.state is LoadState.LOADING:
        return False
    draft.queues.add(location.queue)
    refused = location.refused
    if event.reason is not None and location.error is None and refused is None:
        refused = RefusedCall(at=draft.state.now, reason=event.reason)
    # The error stays: people go on seeing it until the code has loaded.
    draft.put(
        location,
        state=LoadState.LOADING,
        timestamp=draft.next_timestamp(location),
        healing=tried_again(location.healing, draft.state.now),
        refused=refused,
    )
    return True


def _refuse(draft: Draft, location: Location, event: CallRefusal) -> bool:
    is_news = location.state is LoadState.LOADED and location.refused is None
    if location.version != event.version or not is_news:
        return False
    draft.put(
        location,
        refused=RefusedCall(at=draft.state.now, reason=event.reason),
        healing=failed_again(location.healing, draft.state.now),
    )
    return True


def _take_back(draft: Draft, location: Location) -> bool:
    if location.refused is None or location.state is not LoadState.LOADED:
        return False
    draft.put(location, refused=None, healing=None)
    return True
