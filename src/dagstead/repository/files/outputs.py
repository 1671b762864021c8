"""What this tool has written itself: never a part of what is read, compared, built or sent.

A repository may hold it anywhere: people choose where ``--output``, ``--cache`` and
``DAGSTER_BUILD_STATEDIR`` lead, and a later command does not know where an earlier one wrote. So it
is known by its own looks: by names that nobody else gives, by the mark in a cache, and by what is
in the few documents with common names.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from dagstead.model.folders import DATA_FOLDER, OWN_FOLDER

#: The name of a build's manifest.
MANIFEST = "build.json"
#: What is in a cache, whose own folder may hold more than that.
CACHE_FOLDERS = ("wheels", "pex", "layers", "tools", "keys", "locks", "scratch")

#: What is being written, and renamed when it is whole, has a name that ends like the folder.
_DRAFT = re.compile(r"\..*\.dagstead", re.DOTALL)
_HEX = "[0-9a-f]"
_HASH_LENGTH = 40
_PEX = re.compile(rf"(?:deps|source)-{_HEX}{{{_HASH_LENGTH}}}\.pex")

#: How all such names end.
_OWN_ENDS = (OWN_FOLDER, DATA_FOLDER, ".dagstead", ".pex")

#: What shows that a folder is a cache, where nothing is removed for its age.
_MARK = "locks/dagstead.cache"

_MANIFEST_KEYS = {"version", "commit", "locations"}
#: A location's state in a session of the official command line (``dagster_cloud_cli.commands.ci``).
_STATE = re.compile(r"location-.*\.json", re.DOTALL)
_STATE_KEYS = {"deployment_name", "location_file", "location_name", "is_branch_deployment", "build"}
#: Documents of ours are smaller.
_MOST_BYTES = 20_000_000

#: The same names in the words of ``.dockerignore``; what git keeps of ours lies in its folder.
_DOCKER_PATTERNS = (
    f"**/{OWN_FOLDER}",
    f"**/{DATA_FOLDER}",
    "**/.*.dagstead",
    *(f"**/{kind}-{_HEX * _HASH_LENGTH}.pex" for kind in ("deps", "source")),
    "**/.git/dagstead",
)

#: Takes a path relative to the top, with ``/``; ``None`` where there is no such file.
Read = Callable[[str], bytes | None]


def is_own_name(name: str) -> bool:
    """Whether a file or folder of that name is ours, by its name alone."""
    if not name.endswith(_OWN_ENDS):
        # It is asked of every file.
        return False
    is_folder = name in {OWN_FOLDER, DATA_FOLDER}
    return is_folder or bool(_DRAFT.fullmatch(name) or _PEX.fullmatch(name))


class Outputs:
    """Finds what is ours below one folder. Folders are looked at once."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._folders: dict[str, bool] = {}

    @classmethod
    def below(cls, top: Path) -> Outputs:
        """Of a folder on disk."""
        return cls(lambda path: _read_from_disk(top / path))

    def has(self, path: str) -> bool:
        """Whether a path is ours, or lies in a folder of ours."""
        return self.is_own(path) or any(self._is_folder(each) for each in _above(path))

    def is_own(self, path: str) -> bool:
        """The same of a path that lies in no folder of ours."""
        return self._is_folder(path) or self._is_document(path)

    def _is_folder(self, path: str) -> bool:
        found = self._folders.get(path)
        if found is None:
            folder, _, name = path.rpartition("/")
            found = is_own_name(name) or (name in CACHE_FOLDERS and self._is_cache(folder))
            self._folders[path] = found
        return found

    def _is_cache(self, folder: str) -> bool:
        return self._read(posixpath.join(folder, _MARK)) is not None

    def _is_document(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name == MANIFEST:
            return _keys(self._read(path)) == _MANIFEST_KEYS
        return bool(_STATE.fullmatch(name)) and _keys(self._read(path)) >= _STATE_KEYS


def docker_patterns(context: Path) -> Iterator[str]:
    """Lines for a ``.dockerignore`` that leave out what is ours below a build context."""
    yield from _DOCKER_PATTERNS
    outputs = Outputs.below(context)
    for parent, folders, files in os.walk(context):
        inside = Path(parent).relative_to(context)
        own = [name for name in (*folders, *files) if outputs.is_own((inside / name).as_posix())]
        folders[:] = [each for each in folders if each not in own and each != ".git"]
        for name in own:
            if not is_own_name(name):
                # From the top on; what means something in a pattern means itself.
                yield "/" + re.sub(r"([\\*?\[\]])", r"\\\1", (inside / name).as_posix())


def draft_of(path: Path) -> Path:
    """A name beside a file for what becomes the file when it is whole."""
    return path.with_name(f".{path.name}.{uuid4().hex}.dagstead")


def mark_cache(folder: Path) -> None:
    """Let :class:`Outputs` know the folders of a cache, which are there, wherever it lies."""
    (folder / _MARK).touch()


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _keys(data: bytes | None) -> set[str]:
    try:
        document = json.loads(data or b"")
    except ValueError:
        return set()
    return set(document) if isinstance(document, dict) else set()


def _read_from_disk(path: Path) -> bytes | None:
    try:
        if path.is_file() and path.stat().st_size <= _MOST_BYTES:
            return path.read_bytes()
    except OSError:
        pass
    return None
