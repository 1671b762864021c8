"""Decides what may be removed: what nothing needs, and retention does not keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.model.pex_names import PEX_SUFFIX, PexName
from dagstead.model.retention import DAY_SECONDS, Retention, newest
from dagstead.plane.locations import image_of, pex_files_of
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.registry import digest_of
from dagstead.plane.release_retention import Rows, deploys_needed, releases_kept
from dagstead.plane.storage import Judgement, StoredItem, StoredKind, Why

#: The official packages keep versions of a component's state in ``__state__/KEY/VERSION``.
STATE_FOLDER = "__state__"
#: Definitions name each other by their hash, in every form that agents send.
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class InUse:
    """What Dagster needs of a deployment's files."""

    #: The ids of runs that have not ended, and of those whose outputs they may read.
    runs: frozenset[str] = frozenset()
    #: The newest versions of components' state.
    state_versions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Uses:
    """Everything that decides what is needed; deployments are named."""

    #: All deployments that exist.
    rows: Mapping[str, Rows]
    in_use: Mapping[str, InUse] = field(default_factory=dict)
    #: The definitions that definitions refer to, by deployment and hash.
    references: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    #: Definitions that branch deployments are compared with, by the deployment that has them.
    compared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: The PEX files that caches of builds name, by the name of the stored cache.
    caches: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: The digests that images for several platforms consist of, by the name of the stored image.
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)


def judge(
    stored: Sequence[StoredItem], uses: Uses, retention: Retention, now: float
) -> list[Judgement]:
    """Decide what is kept, and why.

    Nothing is removed that is needed, that is younger than a day, or that retention keeps.

    Args:
        stored: everything that is stored.
        uses: what needs it.
        retention: what is kept beside that.
        now: in seconds since 1970.
    """
    recent = {item for item in stored if now - item.needed_at < _kept_seconds(item, retention)}
    kept = {name: releases_kept(rows, retention, now) for name, rows in uses.rows.items()}
    why_needed: Mapping[StoredKind, Callable[[StoredItem], Why | None]] = {
        StoredKind.RELEASE: lambda item: kept[item.deployment].get(int(item.name)),
        StoredKind.PEX: _why_pex(uses, kept, recent),
        StoredKind.IMAGE: _why_image(uses, kept, recent),
        StoredKind.SNAPSHOT: _why_snapshot(uses),
        StoredKind.ARTIFACT: _why_artifact(uses, kept, stored),
        StoredKind.UPLOAD: lambda _: None,
        StoredKind.OUTPUT: _why_of_run(StoredKind.OUTPUT, uses, stored, retention),
        StoredKind.LOG: _why_of_run(StoredKind.LOG, uses, stored, retention),
        StoredKind.TICK_LOG: lambda _: None,
        StoredKind.HISTORY: lambda _: Why.HISTORY,
    }
    return [
        Judgement(
            stored=item,
            why=why_needed[item.kind](item) or (Why.RECENT if item in recent else None),
        )
        for item in stored
    ]


def definitions_in(rows: Rows) -> frozenset[str]:
    """The hashes that the definitions that serve, or wait for others, refer to."""
    return hashes_in(_manifests(rows))


def hashes_in(texts: Iterable[str]) -> frozenset[str]:
    """The SHA-1 of everything that texts refer to."""
    return frozenset(found for text in texts for found in _HASH.findall(text))


def _kept_seconds(item: StoredItem, retention: Retention) -> float:
    return DAY_SECONDS if item.kind is StoredKind.UPLOAD else retention.seconds


def _why_pex(
    uses: Uses, kept: Mapping[str, Collection[int]], recent: Collection[StoredItem]
) -> Callable[[StoredItem], Why | None]:
    needed = _strongest(
        (file, why)
        for name, rows in uses.rows.items()
        for deploy, why in deploys_needed(rows, kept[name])
        for file in pex_files_of(deploy.document)
    )
    cached = {
        file
        for item in recent
        if item.kind is StoredKind.PEX
        for file in uses.caches.get(item.name, ())
    }

    def why(item: StoredItem) -> Why | None:
        if item.deployment != ORGANIZATION or not item.name.endswith(PEX_SUFFIX):
            return None
        is_cached = PexName.of(item.last_name).plain in cached
        return needed.get(item.last_name) or (Why.CACHED if is_cached else None)

    return why


def _why_image(
    uses: Uses, kept: Mapping[str, Collection[int]], recent: Iterable[StoredItem]
) -> Callable[[StoredItem], Why | None]:
    """By the digest alone: the same image may be in several repositories."""
    named = (
        (digest_of(image_of(deploy.document)), why)
        for name, rows in uses.rows.items()
        for deploy, why in deploys_needed(rows, kept[name])
    )
    needed = _strongest((digest, why) for digest, why in named if digest is not None)
    recent_parts = {
        part
        for item in recent
        if item.kind is StoredKind.IMAGE
        for part in uses.parts.get(item.name, ())
    }
    parts = _strongest(
        (part, needed[str(digest_of(name))])
        for name, of_one in uses.parts.items()
        if digest_of(name) in needed
        for part in of_one
    )

    def why(item: StoredItem) -> Why | None:
        digest = str(digest_of(item.name))
        found = needed.get(digest) or parts.get(digest)
        return found or (Why.RECENT if digest in recent_parts else None)

    return why


def _why_snapshot(uses: Uses) -> Callable[[StoredItem], Why | None]:
    needed = set()
    for name, rows in uses.rows.items():
        for found in definitions_in(rows) | uses.compared.get(name, frozenset()):
            needed |= {(name, found)}
            needed |= {(name, other) for other in uses.references.get((name, found), ())}

    def why(item: StoredItem) -> Why | None:
        return Why.NEEDED if (item.deployment, item.last_name) in needed else None

    return why


def _why_artifact(
    uses: Uses, kept: Mapping[str, Collection[int]], stored: Iterable[StoredItem]
) -> Callable[[StoredItem], Why | None]:
    words = {name: _words(rows, kept[name]) for name, rows in uses.rows.items()}
    last: dict[str, StoredItem] = {}
    for item in stored:
        folder = item.name.rpartition("/")[0]
        if item.kind is StoredKind.ARTIFACT and _is_state(item):
            last[folder] = max(last.get(folder, item), item, key=lambda each: each.needed_at)

    def why(item: StoredItem) -> Why | None:
        if item.deployment == ORGANIZATION:
            return Why.NAMED
        if item.deployment not in uses.rows:
            return None
        if not _is_state(item):
            return Why.NAMED
        if item.last_name in uses.in_use.get(item.deployment, InUse()).state_versions:
            return Why.NEEDED
        named = words[item.deployment].get(item.last_name)
        return named or (Why.NEWEST if item in last.values() else None)

    return why


def _why_of_run(
    kind: StoredKind, uses: Uses, stored: Iterable[StoredItem], retention: Retention
) -> Callable[[StoredItem], Why | None]:
    counted: set[StoredItem] = set()
    for name in uses.rows:
        mine = [item for item in stored if (item.kind, item.deployment) == (kind, name)]
        counted |= newest(mine, retention.runs, lambda item: item.needed_at)

    def why(item: StoredItem) -> Why | None:
        if item.name in uses.in_use.get(item.deployment, InUse()).runs:
            return Why.NEEDED
        return Why.NEWEST if item in counted else None

    return why


def is_state_version(path: str) -> bool:
    """Whether an artifact of this key is a version of a component's state."""
    return path.startswith(f"{STATE_FOLDER}/")


def _is_state(item: StoredItem) -> bool:
    return f"/{STATE_FOLDER}/" in item.name


def _words(rows: Rows, kept: Collection[int]) -> dict[str, Why]:
    """All words of what agents were sent and have uploaded: versions of state are among them."""
    texts = [(deploy.deploy_data, why) for deploy, why in deploys_needed(rows, kept)]
    texts += [(text, Why.NEEDED) for text in _manifests(rows)]
    return _strongest((word, why) for text, why in texts for word in _WORD.findall(text))


def _manifests(rows: Rows) -> Iterator[str]:
    """The definitions that serve, and those that wait for others."""
    for location in rows.locations:
        if location.manifest is not None:
            yield location.manifest
    for release in rows.releases:
        for part in release.parts:
            if part.manifest is not None:
                yield part.manifest


def _strongest(reasons: Iterable[tuple[str, Why]]) -> dict[str, Why]:
    found: dict[str, Why] = {}
    for name, why in reasons:
        if found.get(name) is not Why.NEEDED:
            found[name] = why
    return found
