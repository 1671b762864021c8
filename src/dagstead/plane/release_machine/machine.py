"""The step of the release machine: from an event to its changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dagstead.plane.locations import LoadState
from dagstead.plane.release_machine.draft import Draft
from dagstead.plane.release_machine.effects import apply, apply_all, arrive, deploy
from dagstead.plane.release_machine.events import (
    Event,
    LoadFailure,
    LoadSuccess,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
)
from dagstead.plane.release_machine.state import Changes, State
from dagstead.plane.release_machine.transitions import GIVE_WAY, PartEvent, ending_of
from dagstead.plane.releases import OPEN_PARTS, NewRelease, PartState, Release, ReleaseState


def advance(state: State, event: Event) -> Changes:
    """The changes of an event. An event that does not count may still wake a queue."""
    draft = Draft(state)
    match event:
        case ReleaseStart():
            counted = _begin(draft, event.new)
        case LoadSuccess():
            counted = _loaded(draft, event)
        case LoadFailure():
            counted = _failed(draft, event)
        case ReleaseEnd():
            counted = _ended(draft, event)
        case LocationRemoval():
            counted = _removed(draft, event.name)
        case _:
            counted = _reloaded(draft, event.names)
    return draft.changes(counted=counted)


def _begin(draft: Draft, new: NewRelease) -> bool:
    number = draft.state.next_number
    deployed = {location.name for location in new.locations}
    removed = set(new.removes) - deployed
    older = [
        release
        for release in draft.releases.values()
        if (deployed | removed) & {part.name for part in draft.open_parts(release.number)}
    ]
    inherited = {
        name
        for release in older
        for name in release.removes
        if not draft.deployed_since(name, release)
    }
    draft.releases[number] = _new_release(draft, new, (removed | inherited) - deployed)
    draft.parts[number] = {}
    for release in older:
        _supersede(draft, release.number, deployed, removed)
    for location in new.locations:
        deploy(draft, location, number)
    _settle(draft, number)
    return True


def _loaded(draft: Draft, event: LoadSuccess) -> bool:
    location = draft.find(event.name, event.deploy_id)
    if location is None:
        return False
    number = location.open_release
    if number is None:
        arrive(draft, location, event.manifest)
        return True
    part = replace(draft.parts[number][event.name], manifest=event.manifest)
    apply(draft, number, part, PartEvent.DEFINITIONS)
    _settle(draft, number)
    return True


def _failed(draft: Draft, event: LoadFailure) -> bool:
    location = draft.find(event.name, event.deploy_id)
    if location is None:
        return False
    number = location.open_release
    if number is None:
        draft.put(location, state=LoadState.FAILED, error=event.error)
        return True
    part = draft.parts[number][event.name]
    if event.deploy_id is None and part.doubtful:
        # Ask the agent once more: the error may be about the deploy before.
        draft.parts[number][event.name] = replace(part, doubtful=False)
        draft.queues.add(location.queue)
        return False
    failed = [event.name]
    apply(draft, number, replace(part, error=event.error), PartEvent.ERROR, failed)
    if draft.releases[number].atomic:
        apply_all(draft, number, draft.open_parts(number), PartEvent.ABANDONED, failed)
    _settle(draft, number)
    return True


def _ended(draft: Draft, event: ReleaseEnd) -> bool:
    if event.number not in draft.releases:
        return False
    apply_all(draft, event.number, draft.open_parts(event.number), PartEvent.ABANDONED)
    _settle(draft, event.number, reason=event.reason)
    return True


def _removed(draft: Draft, name: str) -> bool:
    location = draft.locations.get(name)
    if location is None:
        return False
    number = location.open_release
    if number is None:
        draft.remove(name)
    else:
        apply(draft, number, draft.parts[number][name], PartEvent.DELETED)
        _settle(draft, number)
    return True


def _reloaded(draft: Draft, names: Iterable[str]) -> bool:
    found = [draft.locations[name] for name in names if name in draft.locations]
    for location in found:
        draft.put(
            location,
            state=LoadState.LOADING,
            error=None,
            notice=None,
            timestamp=draft.next_timestamp(location),
        )
    return bool(found)


def _settle(draft: Draft, number: int, *, reason: str | None = None) -> None:
    """Make live what is ready, and end the release when no part of it is open."""
    release = draft.releases[number]
    parts = draft.parts[number]
    if not release.atomic or all(part.state is not PartState.LOADING for part in parts.values()):
        apply_all(draft, number, draft.open_parts(number), PartEvent.COMPLETE)
    states = {part.state for part in parts.values()}
    if states & OPEN_PARTS:
        return
    ending = ending_of(states)
    if ending.removes:
        _remove_with(draft, release)
    failed = sorted(part.name for part in parts.values() if part.state is PartState.FAILED)
    why = reason or (f"{', '.join(map(repr, failed))} did not load." if failed else None)
    draft.end(number, ending.state, why)


def _supersede(draft: Draft, old: int, deployed: set[str], removed: set[str]) -> None:
    for part in draft.open_parts(old):
        if part.name in deployed:
            event = PartEvent.REDEPLOYED
        else:
            event = PartEvent.DISCARDED if part.name in removed else PartEvent.ADOPTED
        apply(draft, old, part, event)
    reason = f"Release {draft.state.next_number} began before it had loaded."
    draft.end(old, GIVE_WAY.state, reason)


def _remove_with(draft: Draft, release: Release) -> None:
    """Remove the locations that a release removes, unless they were deployed again since then."""
    for name in release.removes:
        if name in draft.locations and not draft.deployed_since(name, release):
            draft.remove(name)


def _new_release(draft: Draft, new: NewRelease, removes: Iterable[str]) -> Release:
    return Release(
        deployment=draft.state.deployment,
        number=draft.state.next_number,
        state=ReleaseState.LOADING,
        atomic=new.atomic,
        cause=new.cause,
        back_to=new.back_to,
        commit_hash=new.commit_hash,
        url=new.url,
        by=new.by,
        removes=tuple(sorted(removes)),
        reason=new.warning,
        created_at=draft.state.now,
        ended_at=None,
        parts=(),
        live=None,
    )
