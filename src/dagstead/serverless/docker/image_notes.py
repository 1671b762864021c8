"""The images that a pool brought to its daemon, when each was needed last, and their removal.

Several pools may share a daemon, and images with it. Each marks those that it needs with a tag of
its own, so that no other one removes them.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env
from docker.utils import parse_repository_tag

from dagstead.serverless.docker import labels
from dagstead.serverless.home import has_changed, read_json, remove, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from dagstead.serverless.home import PoolHome

#: The repository of the marks.
_MARKS = "dagstead-kept"
#: How the names of images begin that pools make.
_MADE = "dagstead-"
_LOCK = "image-notes"
_PRUNE_HOURS = 6
logger = logging.getLogger("dagstead.serverless.docker")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """What a pool knows of one image."""

    path: Path
    image: str
    id: str
    #: What it was made of.
    parts: Sequence[str]
    #: Whether this pool may remove it: it made it, or was the first to fetch it.
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class ImageNotes:
    """The notes of one pool. Every method raises Docker's errors when the daemon is away."""

    home: PoolHome
    pool: str
    #: Seconds since 1970.
    clock: Callable[[], float]

    def brought(self, image: str, parts: Sequence[str] = ()) -> None:
        """Note that this pool needs an image that it made, or fetched and nobody had before.

        Args:
            image: its name.
            parts: the images that it was made of, which are needed as long as it.
        """
        self._write(image, parts, is_own=True)

    def needed(self, image: str) -> None:
        """Note that an image is needed now, if this or another pool brought it."""
        found = _found(image)
        if found is None:
            return
        if self._path(image, found["Id"]).exists():
            self._touch(image, found["Id"])
        elif _marks(found):
            self._write(image, (), is_own=False)

    def sweep(self, needed: Collection[str], *, keep_seconds: float) -> list[str]:
        """Remove what was brought, and not needed for a while.

        Args:
            needed: the images of the locations that are deployed.
            keep_seconds: how long an image is kept that nobody needs.

        Returns:
            The names of what is gone.
        """
        with self.home.lock(_LOCK):
            for image in needed:
                self.needed(image)
                for note in self._all():
                    if note.image == image:
                        for part in note.parts:
                            self.needed(part)
            used = {each["ImageID"] for each in docker_client_from_env().api.containers(all=True)}
            before = self.clock() - keep_seconds
            old = [each for each in self._all() if not has_changed(each.path, since=before)]
            removed = [each.image for each in old if each.id not in used and self._remove(each)]
        docker_client_from_env().images.prune(
            {"dangling": True, "label": labels.STAGE, "until": f"{_PRUNE_HOURS}h"}
        )
        return removed

    def _remove(self, note: _Note) -> bool:
        found = _found(note.id)
        if found is None:
            remove(note.path)
            return False
        mark = self._mark(note.image, note.id)
        is_needed_elsewhere = bool(_marks(found) - {mark})
        if is_needed_elsewhere and note.is_own and not note.image.startswith(_MADE):
            # Nobody else will remove it: once the others do not need it, this pool does.
            return False
        named = _found(note.image)
        is_last = note.is_own and not is_needed_elsewhere
        names = [note.image] if is_last and named and named["Id"] == note.id else []
        for name in (*names, mark):
            try:
                docker_client_from_env().images.remove(name)
            except docker.errors.ImageNotFound:
                continue
            except docker.errors.APIError as error:
                # Somebody has begun to use it.
                logger.info("Image %s is kept: %s", note.image, error)
                return False
        left = _found(note.id)
        if is_last and left and _is_nameless(left, note.image):
            # Its tag became another image's: Docker still has it by its digest.
            docker_client_from_env().images.remove(note.id)
        remove(note.path)
        return is_last

    def _write(self, image: str, parts: Sequence[str], *, is_own: bool) -> None:
        found = docker_client_from_env().api.inspect_image(image)
        path = self._path(image, found["Id"])
        before = read_json(path) or {}
        write_json(
            path,
            {
                "image": image,
                "id": found["Id"],
                "parts": list(parts),
                "is_own": is_own or bool(before.get("is_own")),
            },
        )
        self._touch(image, found["Id"])
        docker_client_from_env().api.tag(found["Id"], *self._mark(image, found["Id"]).split(":"))

    def _touch(self, image: str, identity: str) -> None:
        now = self.clock()
        with suppress(FileNotFoundError):
            os.utime(self._path(image, identity), (now, now))

    def _all(self) -> list[_Note]:
        return [
            _Note(path=path, **value)
            for path in self.home.images.glob("*.json")
            if (value := read_json(path)) is not None
        ]

    def _path(self, image: str, identity: str) -> Path:
        # A tag may become another image's, and the one before it is still to be removed.
        return self.home.images / f"{_digest(f'{image} {identity}')}.json"

    def _mark(self, image: str, identity: str) -> str:
        return f"{_MARKS}:{self.pool}-{_digest(f'{image} {identity}')}"


def _found(image: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = docker_client_from_env().api.inspect_image(image)
    except docker.errors.ImageNotFound:
        return None
    return found


def _marks(found: dict[str, Any]) -> set[str]:
    return {tag for tag in found["RepoTags"] or () if tag.startswith(f"{_MARKS}:")}


def _is_nameless(found: dict[str, Any], image: str) -> bool:
    repository, _ = parse_repository_tag(image)
    return not found["RepoTags"] and all(
        each.startswith(f"{repository}@") for each in found["RepoDigests"] or ()
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
