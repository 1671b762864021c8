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
    LocationReload,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.release_machine.health import heal, set_load_error
from dagstead.plane.release_machine.state import Changes, State
from dagstead.plane.release_machine.transitions import (
    BE_UNDONE,
    GIVE_WAY,
    PartEvent,
    ending_of,
)
from dagstead.plane.releases import OPEN_PARTS, NewRelease, PartState, Release, ReleaseState


def advance(state: State, event: Event) -> Changes:
    """The changes of an event. An event that does not count may still wake a queue."""
    draft = Draft(state)
    match event:
        case ReleaseStart():
            counted = _begin(draft, event.new)
        case RollbackStart():
            counted = _roll_back(draft, event)
        case LoadSuccess():
            counted = _loaded(draft, event)
        case LoadFailure():
            counted = _failed(draft, event)
        case ReleaseEnd():
            counted = _ended(draft, event)
        case LocationRemoval():
            counted = _removed(draft, event.name)
        case LocationReload():
            counted = _reloaded(draft, event.names)
        case _:
            counted = heal(draft, event)
    return draft.changes(counted=counted)


def _begin(draft: Draft, new: NewRelease) -> bool:
    deployed, removed = _changed_by(new)
    older = _loading_any(draft, deployed | removed)
    inherited = {
        name
        for release in older
        for name in release.removes
        if not draft.deployed_since(name, release)
    }
    number = _add(draft, new, (removed | inherited) - deployed)
    reason = f"Release {number} began before it had loaded."
    for release in older:
        _give_way(draft, release.number, new, PartEvent.ADOPTED)
        draft.end(release.number, GIVE_WAY.state, reason)
    _load(draft, new, number)
    return True


def _roll_back(draft: Draft, event: RollbackStart) -> bool:
    deployed, removed = _changed_by(event.new)
    loading = {release.number for release in _loading_any(draft, deployed | removed)}
    if not loading <= event.ends <= draft.releases.keys():
        return False
    if not all(draft.is_live(name, deploy_id) for name, deploy_id in event.live.items()):
        return False
    number = _add(draft, event.new, removed)
    reason = f"Release {number}, a rollback, began before it had loaded."
    for ended in sorted(event.ends):
        _give_way(draft, ended, event.new, PartEvent.UNDONE)
        draft.end(ended, BE_UNDONE.state, reason)
    _load(draft, event.new, number)
    return True


def _changed_by(new: NewRelease) -> tuple[set[str], set[str]]:
    """The locations that a release deploys, and those that it removes."""
    deployed = {location.name for location in new.locations}
    return deployed, set(new.removes) - deployed


def _loading_any(draft: Draft, names: set[str]) -> list[Release]:
    """The open releases that wait for one of these locations."""
    return [
        release
        for release in draft.releases.values()
        if names & {part.name for part in draft.open_parts(release.number)}
    ]


def _add(draft: Draft, new: NewRelease, removes: Iterable[str]) -> int:
    number = draft.state.next_number
    draft.releases[number] = _new_release(draft, new, removes)
    draft.parts[number] = {}
    return number


def _load(draft: Draft, new: NewRelease, number: int) -> None:
    for location in new.locations:
        deploy(draft, location, number)
    _settle(draft, number)


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
        set_load_error(draft, location, event.error)
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
            healing=None,
            refused=None,
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


def _give_way(draft: Draft, old: int, new: NewRelease, others: PartEvent) -> None:
    """Take its open parts from a release: ``others`` happens to those that the new one leaves."""
    deployed, removed = _changed_by(new)
    for part in draft.open_parts(old):
        if part.name in deployed:
            event = PartEvent.REDEPLOYED
        else:
            event = PartEvent.DISCARDED if part.name in removed else others
        apply(draft, old, part, event)


def _remove_with(draft: Draft, release: Release) -> None:
    """Remove the locations that a release removes, unless they were deployed again since then."""
    for name in release.removes:
        if name in draft.locations and not draft.deployed_since(name, release):
            draft.note_before(release.number, name)
            draft.remove(name)


def _new_release(draft: Draft, new: NewRelease, removes: Iterable[str]) -> Release:
    return Release(
        deployment=draft.state.deployment,
        number=draft.state.next_number,
        state=ReleaseState.LOADING,
        atomic=new.atomic,
        cause=new.cause,
        undoes=new.undoes,
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
        before={},
    )
