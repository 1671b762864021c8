"""What is stored, and the removal of what is old and not needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.snapshots import text_of
from dagstead.control.stored_images import StoredImages
from dagstead.errors import BlobNotFoundError, DagsteadError
from dagstead.model.pex_names import PexName
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.needs import InUse, Uses, definitions_in, hashes_in, judge
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.registry import digest_of
from dagstead.plane.release_retention import Rows, last_change
from dagstead.plane.storage import Judgement, StorageReport, StoredItem, StoredKind, Why, report_on
from dagstead.store.all import Store
from dagstead.store.blobs import StoredFile

_KINDS = {
    BlobKind.PEX: StoredKind.PEX,
    BlobKind.SNAPSHOT: StoredKind.SNAPSHOT,
    BlobKind.ARTIFACT: StoredKind.ARTIFACT,
}
_OF_RUNS = frozenset({StoredKind.OUTPUT, StoredKind.LOG})
_IN_FOLDERS = _OF_RUNS | {StoredKind.TICK_LOG}
#: Definitions that an agent has uploaded and not confirmed yet.
_UNCONFIRMED = "uploads/"
#: A cache names one file; this is far more.
_CACHE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Storage:
    """A view of what is stored, and the act that removes what is old."""

    _backend: Backend

    def report(self, actor: Actor, retention: Retention) -> StorageReport:
        """What is stored, why it is kept, and what the next sweep removes.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Looking at what is stored")
        return report_on(self._judgements(retention))

    def sweep(
        self, actor: Actor, retention: Retention, stopped: Callable[[], bool] = lambda: False
    ) -> StorageReport:
        """Remove what nothing needs and retention does not keep.

        Args:
            actor: asks for it.
            retention: what is kept.
            stopped: ends the sweep between two removals.

        Returns:
            What is left of every kind, and what was removed.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Removing what is old")
        store = self._backend.store
        store.blobs.tidy()
        store.run_folders.tidy()
        judgements = self._judgements(retention)
        self._renew(judgements)
        removed = set(self._remove(judgements, retention, stopped))
        left = [each for each in judgements if each.stored not in removed]
        return StorageReport(
            kinds=report_on(left).kinds,
            removable=[each.stored for each in judgements if each.stored in removed],
        )

    def _judgements(self, retention: Retention) -> list[Judgement]:
        # First what is stored: what is stored after this moment is not removed, needed or not.
        images = StoredImages(self._backend)
        stored = [*self._files(), *images.items, *self._run_folders(), *self._histories()]
        rows = {
            deployment.name: self._backend.store.releases.rows(deployment.name)
            for deployment in self._backend.store.deployments.all()
        }
        compared = self._compared()
        uses = Uses(
            rows=rows,
            compared=compared,
            in_use=self._in_use(stored),
            references={
                (name, found): self._references(name, found)
                for name, of_deployment in rows.items()
                for found in definitions_in(of_deployment) | compared.get(name, frozenset())
            },
            caches={
                item.name: self._pex_files_in(item)
                for item in stored
                if item.kind is StoredKind.PEX and not item.name.endswith(".pex")
            },
            parts=images.parts,
        )
        releases = [
            release for name, of_one in rows.items() for release in _stored_releases(name, of_one)
        ]
        return judge([*releases, *stored], uses, retention, self._backend.now())

    def _files(self) -> Iterator[StoredItem]:
        for file in self._backend.store.blobs.all():
            kind, scope = _kind_and_scope(file)
            yield StoredItem(
                kind=kind,
                deployment=scope,
                name=file.path,
                size=file.size,
                needed_at=file.changed_at,
            )

    def _run_folders(self) -> Iterator[StoredItem]:
        for folder in self._backend.store.run_folders.all():
            yield StoredItem(
                kind=folder.kind,
                deployment=folder.deployment,
                name=folder.name,
                size=folder.size,
                needed_at=folder.changed_at,
            )

    def _histories(self) -> Iterator[StoredItem]:
        sizes = self._backend.store.histories.sizes()
        for deployment in self._backend.store.deployments.all():
            if deployment.name in sizes:
                yield StoredItem(
                    kind=StoredKind.HISTORY,
                    deployment=deployment.name,
                    name=deployment.name,
                    size=sizes[deployment.name],
                    needed_at=deployment.created_at,
                )

    def _in_use(self, stored: Iterable[StoredItem]) -> dict[str, InUse]:
        """What Dagster needs, of deployments that have something for which this counts."""
        kinds = {*_OF_RUNS, StoredKind.ARTIFACT}
        names = {item.deployment for item in stored if item.kind in kinds}
        in_use = {}
        for deployment in self._backend.store.deployments.all():
            if deployment.name in names:
                dagster = self._backend.orchestration
                in_use[deployment.name] = InUse(
                    runs=dagster.runs_needed(deployment),
                    state_versions=dagster.state_versions(deployment),
                )
        return in_use

    def _compared(self) -> Mapping[str, frozenset[str]]:
        """The definitions that branch deployments are compared with, by their deployment."""
        found: dict[str, frozenset[str]] = {}
        for snapshot in self._backend.store.branches.snapshots(ORGANIZATION):
            known = found.get(snapshot.base, frozenset())
            found[snapshot.base] = known | hashes_in(snapshot.manifests.values())
        return found

    def _references(self, deployment: str, sha1: str) -> frozenset[str]:
        """What a repository's definitions refer to; nothing for those of another kind."""
        key = BlobKey(BlobKind.SNAPSHOT, deployment, f"repository/{sha1}")
        try:
            return hashes_in([text_of(self._backend.store.blobs, key)])
        except BlobNotFoundError:
            return frozenset()

    def _pex_files_in(self, cache: StoredItem) -> frozenset[str]:
        if (cache.size or 0) > _CACHE_BYTES:
            return frozenset()
        kind, scope, path = cache.name.split("/", 2)
        key = BlobKey(BlobKind(kind), scope, path)
        try:
            content = json.loads(self._backend.store.blobs.get(key))
            return frozenset({str(content["deps_pex_name"])})
        except (DagsteadError, ValueError, KeyError, TypeError):
            return frozenset()

    def _renew(self, judgements: Sequence[Judgement]) -> None:
        """Count the age of what is needed from now, so that it does not go as soon as it is not."""
        for each in judgements:
            if each.stored.kind in _KINDS.values() and each.why in {Why.NEEDED, Why.EARLIER}:
                self._backend.store.blobs.renew_path(each.stored.name)
        images = (
            str(digest_of(each.stored.name))
            for each in judgements
            if each.stored.kind is StoredKind.IMAGE and each.why in {Why.NEEDED, Why.EARLIER}
        )
        self._backend.store.pushed_images.renew(images, self._backend.now())

    def _remove(
        self, judgements: Sequence[Judgement], retention: Retention, stopped: Callable[[], bool]
    ) -> Iterator[StoredItem]:
        store = self._backend.store
        pruned = {
            (deployment.name, str(number))
            for deployment in store.deployments.all()
            for number in store.releases.prune(deployment.name, retention)
        }
        now = self._backend.now()
        doomed = [each.stored for each in judgements if each.why is None]
        spared: frozenset[str] = frozenset()
        remover = _Remover(store, retention, now, pruned, StoredImages(self._backend))
        # Caches before the files that they name.
        for item in sorted(doomed, key=lambda each: each.name.endswith(".pex")):
            if stopped():
                return
            if PexName.of(item.last_name).plain in spared:
                continue
            if remover.remove(item):
                self._forget(item, before=now)
                yield item
            elif item.kind is StoredKind.PEX:
                # A build has asked for the cache meanwhile.
                spared |= self._pex_files_in(item)
        store.blobs.tidy()

    def _forget(self, removed: StoredItem, *, before: float) -> None:
        """Forget a PEX file that was removed.

        Unlike other rows after their file: what is recorded counts only while the file is there,
        and who sends the file again meanwhile records it again.
        """
        name = PexName.of(removed.last_name)
        if removed.kind is StoredKind.PEX and name.sha256 is not None:
            self._backend.store.pex_files.forget(name.plain, name.sha256, before=before)


@dataclass(frozen=True, slots=True)
class _Remover:
    """Removes single things, each in its own way."""

    store: Store
    retention: Retention
    now: float
    #: The releases that were removed already.
    pruned: Collection[tuple[str, str]]
    images: StoredImages

    def remove(self, item: StoredItem) -> bool:
        """Remove something unless it is needed again; whether it was removed."""
        before = self.now - self.retention.seconds
        match item.kind:
            case StoredKind.RELEASE:
                return (item.deployment, item.name) in self.pruned
            case StoredKind.IMAGE:
                return self.images.remove(item, before=before)
            case kind if kind in _IN_FOLDERS:
                return self.store.run_folders.remove_older(
                    kind, item.deployment, item.name, before=before
                )
            case StoredKind.UPLOAD:
                return self.store.blobs.remove_older(item.name, before=self.now - DAY_SECONDS)
            case _:
                return self.store.blobs.remove_older(item.name, before=before)


def _kind_and_scope(file: StoredFile) -> tuple[StoredKind, str]:
    kind, _, rest = file.path.partition("/")
    scope, _, path = rest.partition("/")
    try:
        key = BlobKey(BlobKind(kind), scope, path)
    except (ValueError, DagsteadError):
        return StoredKind.UPLOAD, ORGANIZATION
    if key.kind not in _KINDS or key.path.startswith(_UNCONFIRMED):
        return StoredKind.UPLOAD, scope
    return _KINDS[key.kind], scope


def _stored_releases(deployment: str, rows: Rows) -> Iterator[StoredItem]:
    for release in rows.releases:
        yield StoredItem(
            kind=StoredKind.RELEASE,
            deployment=deployment,
            name=str(release.number),
            size=None,
            needed_at=last_change(release),
        )
