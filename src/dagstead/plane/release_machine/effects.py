"""How an event changes a location, as a part of a release and outside any release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dagstead.plane.locations import Deploy, LoadState, Location, NewLocation
from dagstead.plane.release_machine.draft import Draft
from dagstead.plane.release_machine.transitions import (
    Effect,
    PartEvent,
    arrival_at,
    part_transition,
    standing_of,
)
from dagstead.plane.releases import Part, PartState, Phase, PreviousRelease, went_back


def apply(
    draft: Draft, number: int, part: Part, event: PartEvent, failed: Sequence[str] = ()
) -> None:
    """Move a part of a release to its next state, and change its location accordingly.

    Args:
        draft: is changed.
        number: of the release.
        part: with the definitions or the error that came with the event.
        event: the event.
        failed: the locations because of which the release is abandoned.
    """
    transition = part_transition(part.state, event)
    if transition is None:
        return
    waits = transition.target is PartState.LOADED
    draft.parts[number][part.name] = replace(
        part, state=transition.target, manifest=part.manifest if waits else None
    )
    location = draft.locations[part.name]
    match transition.effect:
        case Effect.WAITS:
            draft.put(location, state=LoadState.LOADED)
        case Effect.GOES_LIVE:
            _go_live(draft, location, part, number)
        case Effect.RETURNS:
            _return(draft, location, part, number, failed)
        case Effect.MOVES:
            newer = draft.state.next_number
            draft.parts[newer][part.name] = part
            draft.put(location, open_release=newer)
        case Effect.VANISHES:
            draft.remove(part.name)
        case Effect.RELOADS:
            # The newer release writes the location when it deploys it.
            pass


def apply_all(
    draft: Draft, number: int, parts: Iterable[Part], event: PartEvent, failed: Sequence[str] = ()
) -> None:
    """Move several parts of a release to their next states."""
    for part in parts:
        apply(draft, number, part, event, failed)


def arrive(draft: Draft, location: Location, manifest: str) -> None:
    """Store definitions that no open release waits for."""
    arrival = arrival_at(standing_of(location))
    values: dict[str, Any] = {"state": LoadState.LOADED, "healing": None, "refused": None}
    if location.state is LoadState.FAILED or location.healing is not None:
        # The error was about this code. While a location returns, it is about the failed release.
        values["error"] = None
    if arrival.clears:
        values |= {"error": None, "notice": None}
    if arrival.serves:
        values |= {"manifest": manifest, "manifest_deploy_id": location.deploy_id}
        values["live"] = _deploy_of(location)
    draft.put(location, **values)


def _go_live(draft: Draft, location: Location, part: Part, number: int) -> None:
    draft.note_before(number, part.name)
    draft.put(
        location,
        manifest=part.manifest,
        manifest_deploy_id=part.deploy_id,
        live=_deploy_of(part),
        release=number,
        open_release=None,
        error=None,
        notice=None,
        healing=None,
        refused=None,
    )


def _return(
    draft: Draft, location: Location, part: Part, number: int, failed: Sequence[str]
) -> None:
    live = location.live
    before = None if live is None else PreviousRelease(release=location.release)
    values: dict[str, Any] = {
        "open_release": None,
        "error": part.error if part.name in failed else None,
        "notice": went_back(number, failed, part.name, before),
        "healing": None,
        "refused": None,
    }
    draft.queues.add(location.queue)
    if live is not None:
        draft.queues.add(live.queue)
        values |= _fields_of(live)
        values |= {"state": LoadState.LOADING, "timestamp": draft.next_timestamp(location)}
    elif part.name in failed:
        values["state"] = LoadState.FAILED
    draft.put(location, **values)


def deploy(draft: Draft, new: NewLocation, number: int) -> None:
    """Have agents load a location, as a part of a release."""
    deploy = _deploy_of(new)
    old = draft.locations.get(new.name)
    draft.parts[number][new.name] = Part(
        name=new.name,
        **_fields_of(deploy),
        state=PartState.LOADING,
        phase=Phase.QUEUED,
        doubtful=old is not None and old.state is LoadState.LOADING,
        error=None,
        manifest=None,
    )
    draft.queues.add(new.queue)
    if old is not None:
        # Agents of the queue that loses the location must be woken: they stop its code server.
        draft.queues.add(old.queue)
    draft.put(
        old or _unknown(draft, new.name, deploy),
        **_fields_of(deploy),
        state=LoadState.LOADING,
        timestamp=draft.next_timestamp(old),
        open_release=number,
        error=None,
        notice=None,
        healing=None,
        refused=None,
    )


def _unknown(draft: Draft, name: str, deploy: Deploy) -> Location:
    """A location that was never loaded."""
    return Location(
        deployment=draft.state.deployment,
        name=name,
        **_fields_of(deploy),
        state=LoadState.LOADING,
        timestamp=0.0,
        manifest=None,
        manifest_deploy_id=None,
        live=None,
        release=None,
        open_release=None,
        error=None,
        notice=None,
        updated_at=draft.state.now,
        version=draft.state.version,
    )


def _deploy_of(it: NewLocation | Part | Location) -> Deploy:
    return Deploy(
        document=it.document, deploy_data=it.deploy_data, deploy_id=it.deploy_id, queue=it.queue
    )


def _fields_of(deploy: Deploy) -> dict[str, Any]:
    return {
        "document": deploy.document,
        "deploy_data": deploy.deploy_data,
        "deploy_id": deploy.deploy_id,
        "queue": deploy.queue,
    }
