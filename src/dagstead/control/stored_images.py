"""Images in the installation's registry, as a part of what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from dagstead.control.backend import Backend
from dagstead.errors import RegistryAwayError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.registry import PushedImage, Repository, folder_of
from dagstead.plane.storage import StoredItem, StoredKind


@dataclass(slots=True)
class StoredImages:
    """What was pushed, read once for a sweep."""

    backend: Backend
    _pushed: Mapping[str, Sequence[PushedImage]] = field(init=False)
    #: Whether the registry has removed nothing so far when it was asked: it is not asked again.
    _is_refused: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        rows = self.backend.store.pushed_images.all(ORGANIZATION)
        by_name = groupby(sorted(rows, key=lambda each: each.name), key=lambda each: each.name)
        self._pushed = {name: tuple(of_one) for name, of_one in by_name}

    @property
    def items(self) -> list[StoredItem]:
        """Each image once, whatever tags it was pushed under."""
        names = {folder_of(each.name): each.name for each in self.backend.store.deployments.all()}
        return [
            StoredItem(
                kind=StoredKind.IMAGE,
                deployment=names.get(Repository.named(rows[0].repository).folder, ORGANIZATION),
                name=name,
                size=max(each.size for each in rows),
                needed_at=max(each.needed_at for each in rows),
            )
            for name, rows in self._pushed.items()
        ]

    @property
    def parts(self) -> Mapping[str, frozenset[str]]:
        """The digests that images for several platforms consist of, by the name of the image."""
        return {name: rows[0].parts for name, rows in self._pushed.items() if rows[0].parts}

    def remove(self, item: StoredItem, *, before: float) -> bool:
        """Remove an image; whether it was.

        First it is forgotten, so that no release begins with it meanwhile.
        """
        registry = self.backend.registry
        if registry is None or self._is_refused:
            return False
        rows = self._pushed[item.name]
        store = self.backend.store.pushed_images
        store.forget(rows[0].repository, rows[0].digest, before=before)
        try:
            is_gone = registry.remove(rows[0].repository, rows[0].digest)
        except RegistryAwayError:
            is_gone = False
        if not is_gone:
            self._is_refused = True
            for each in rows:
                store.add(each)
        return is_gone
