"""Which releases are kept, and which deploys they need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from dagstead.model.retention import Retention, newest
from dagstead.plane.locations import Deploy, Location
from dagstead.plane.releases import Release, Source
from dagstead.plane.rollbacks import History
from dagstead.plane.storage import Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The locations and releases of a deployment."""

    locations: Collection[Location] = ()
    releases: Collection[Release] = ()


def releases_kept(rows: Rows, retention: Retention, now: float) -> dict[int, Why]:
    """The releases that are kept, by their number, and why.

    Those are open ones, those that a location is from, the newest ones, the newest of those that
    went live, and recent ones.
    """
    serving = {number for at in rows.locations for number in (at.release, at.open_release)}
    ended = {release.number: release.ended_at or 0.0 for release in rows.releases}
    went_live = {release.number for release in rows.releases if release.state.went_live}
    counted = newest(ended, retention.releases, lambda number: number) | newest(
        went_live, retention.releases, lambda number: (ended[number], number)
    )
    kept = {}
    for release in rows.releases:
        if release.state.is_open or release.number in serving:
            kept[release.number] = Why.NEEDED
        elif release.number in counted:
            kept[release.number] = Why.NEWEST
        elif now - last_change(release) < retention.seconds:
            kept[release.number] = Why.RECENT
    return {**dict.fromkeys(_rolled_back(rows.releases, kept), Why.EARLIER), **kept}


def _rolled_back(releases: Collection[Release], kept: Collection[int]) -> set[int]:
    """The releases that rollbacks among the kept ones undid or went back to.

    They show which version a rollback has brought.
    """
    known = {release.number: release for release in releases}
    found: set[int] = set()
    waiting = list(kept)
    while waiting:
        release = known[waiting.pop()]
        for number in (release.undoes, release.back_to):
            if number is not None and number in known and number not in found:
                found.add(number)
                waiting.append(number)
    return found


def last_change(release: Release) -> float:
    """When a release ended, or began if it is open, in seconds since 1970."""
    return release.created_at if release.ended_at is None else release.ended_at


def made_whole(releases: Collection[Release], removed: Collection[int]) -> list[Release]:
    """The releases that change when others are removed: they name no removed one any more.

    What was live before and after a release is recorded by the number of the release that brought
    it. Before that one is removed, the deploy that first brought that version is copied to where it
    is named: rollbacks compare versions by where they first came from.
    """
    history = History((), releases)
    known = _deploys_by_release(releases)

    def whole(name: str, source: Source) -> Source:
        if isinstance(source, Deploy) or source not in removed:
            return source
        first = history.origin(name, source)
        if isinstance(first, Deploy) or first not in removed:
            return first
        return known.get((first, name), first)

    changed = []
    for release in releases:
        live, before = release.live, release.before
        copied = replace(
            release,
            live=live and {name: whole(name, source) for name, source in live.items()},
            before=before
            and {name: source and whole(name, source) for name, source in before.items()},
        )
        if release.number not in removed and copied != release:
            changed.append(copied)
    return changed


def deploys_in(rows: Rows) -> Iterator[Deploy]:
    """Every deploy that a deployment has a record of."""
    numbers = {release.number for release in rows.releases}
    return (deploy for deploy, _ in deploys_needed(rows, numbers))


def deploys_needed(rows: Rows, kept: Collection[int]) -> Iterator[tuple[Deploy, Why]]:
    """The deploys that must stay possible: what serves, what loads, and what may come back.

    Args:
        rows: of a deployment.
        kept: the numbers of the releases that are kept.
    """
    for location in rows.locations:
        yield (
            Deploy(
                document=location.document,
                deploy_data=location.deploy_data,
                deploy_id=location.deploy_id,
                queue=location.queue,
            ),
            Why.NEEDED,
        )
        if location.live is not None:
            yield location.live, Why.NEEDED
    known = _deploys_by_release(rows.releases)
    for release in rows.releases:
        if release.number in kept:
            why = Why.NEEDED if release.state.is_open else Why.EARLIER
            yield from ((part.deploy, why) for part in release.parts)
            yield from ((deploy, why) for deploy in _around(release, known))


def _around(release: Release, known: Mapping[tuple[int, str], Deploy]) -> Iterator[Deploy]:
    """What was live before and after a release, as far as it is known."""
    for name, source in (*(release.live or {}).items(), *(release.before or {}).items()):
        if isinstance(source, Deploy):
            yield source
        elif source is not None and (source, name) in known:
            yield known[source, name]


def _deploys_by_release(
    releases: Collection[Release],
) -> dict[tuple[int, str], Deploy]:
    return {(each.number, part.name): part.deploy for each in releases for part in each.parts}
