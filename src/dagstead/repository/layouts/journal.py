"""Writing all files or none, and taking it back.

Before the first file is touched, a journal holds the bytes of every file before and after. A crash
in the middle leaves files that have one or the other: the change is finished from the journal, or
rolled back. Nothing is asked of git, so that it works on uncommitted changes, too.

The journal lies in the folder that git keeps, which is never committed; outside of git in
``.dagstead``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.errors import JournalError
from dagstead.model.folders import OWN_FOLDER
from dagstead.repository.layouts.model import FileChange

_NEW_FILE_MODE = 0o644
_INDEX = "journal.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """One file of a written change."""

    #: Relative to the root of the repository.
    path: str
    #: Digests of its bytes; empty where there is no file.
    before: str
    after: str
    mode: int


class Journal:
    """The changes that were written to a repository, the last one on top."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._folder = _place(repository)

    def interrupted(self) -> bool:
        """Whether a change was begun and not finished."""
        last = self._last()
        return last is not None and _index(last)["state"] != "done"

    def write(self, changes: Sequence[FileChange]) -> None:
        """Change files, each replaced as a whole. Paths are relative to the repository.

        Raises:
            JournalError: when a file is no longer what it was when the changes were worked out,
                or is a link; or when an earlier change was interrupted. Nothing is written then.
        """
        self._refuse_interrupted()
        wrong = [each.path for each in changes if self._bytes(each.path) != each.before]
        if wrong:
            msg = f"Changed in the meantime: {', '.join(wrong)}. Run the command again."
            raise JournalError(msg)
        links = [each.path for each in changes if (self._repository / each.path).is_symlink()]
        if links:
            msg = f"A link, which would be replaced: {', '.join(links)}. Name the file behind it."
            raise JournalError(msg)
        # A file goes last: whoever reads in between finds a location twice rather than nowhere.
        folder = self._prepare(sorted(changes, key=lambda each: each.after is None))
        self.finish(folder)

    def finish(self, folder: Path | None = None) -> list[str]:
        """Write what an interrupted change did not; the paths of its files.

        Raises:
            JournalError: when there is nothing to finish, or a file is neither what it was nor
                what it was to be.
        """
        folder = folder or self._last()
        if folder is None or _index(folder)["state"] == "done":
            msg = "No change was interrupted. There is nothing to resume."
            raise JournalError(msg)
        steps = list(_steps(folder))
        self._refuse_edited(steps, "finish")
        for number, step in enumerate(steps):
            self._put(step.path, _stored(folder, number, "after", step.after), step.mode)
        _set_state(folder, "done")
        return [each.path for each in steps]

    def undo(self) -> list[str]:
        """Bring back the bytes before the last change; the paths of its files.

        Raises:
            JournalError: when nothing was written, or files were edited since.
        """
        folder = self._last()
        if folder is None:
            msg = "`dagstead migrate` has written nothing here. There is nothing to undo."
            raise JournalError(msg)
        steps = list(_steps(folder))
        self._refuse_edited(steps, "undo")
        _set_state(folder, "undoing")
        for number, step in sorted(enumerate(steps), key=lambda each: not each[1].before):
            self._put(step.path, _stored(folder, number, "before", step.before), step.mode)
        for made in reversed(_index(folder)["folders"]):
            _remove_empty(self._repository / made)
        shutil.rmtree(folder)
        return [each.path for each in steps]

    def _prepare(self, changes: Sequence[FileChange]) -> Path:
        number = 1 + max((int(each.name) for each in self._all()), default=0)
        folder = self._folder / f"{number:04}"
        temporary = self._folder / f".{number:04}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        steps = []
        for index, each in enumerate(changes):
            for side, data in (("before", each.before), ("after", each.after)):
                if data is not None:
                    _write(temporary / f"{index}.{side}", data)
            step = {
                "path": each.path,
                "before": _digest(each.before),
                "after": _digest(each.after),
                "mode": self._mode(each.path),
            }
            steps.append(step)
        folders = list(self._missing_folders(changes))
        index_text = json.dumps({"state": "writing", "steps": steps, "folders": folders}, indent=1)
        _write(temporary / _INDEX, index_text.encode())
        temporary.rename(folder)
        return folder

    def _missing_folders(self, changes: Iterable[FileChange]) -> Iterator[str]:
        """Folders that do not exist yet, outer ones first."""
        seen: set[str] = set()
        for each in changes:
            parents = [] if each.after is None else list(Path(each.path).parents)[:-1]
            for folder in reversed(parents):
                path = folder.as_posix()
                if path not in seen and not (self._repository / path).exists():
                    seen.add(path)
                    yield path

    def _refuse_interrupted(self) -> None:
        if self.interrupted():
            msg = (
                "An earlier migration was interrupted. Finish it with `dagstead migrate "
                "--resume`, or take it back with `dagstead migrate --undo`."
            )
            raise JournalError(msg)

    def _refuse_edited(self, steps: Iterable[JournalEntry], verb: str) -> None:
        edited = [
            each.path
            for each in steps
            if _digest(self._bytes(each.path)) not in {each.before, each.after}
        ]
        if edited:
            msg = (
                f"Edited since: {', '.join(edited)}. To {verb} would lose that; "
                "move these files away, or put them back as they were."
            )
            raise JournalError(msg)

    def _put(self, path: str, data: bytes | None, mode: int) -> None:
        target = self._repository / path
        if data is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.dagstead")
        _write(temporary, data)
        temporary.chmod(mode)
        temporary.replace(target)

    def _bytes(self, path: str) -> bytes | None:
        try:
            return (self._repository / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _mode(self, path: str) -> int:
        try:
            return (self._repository / path).stat().st_mode & 0o7777
        except OSError:
            return _NEW_FILE_MODE

    def _all(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(each for each in self._folder.iterdir() if each.name.isdigit())

    def _last(self) -> Path | None:
        every = self._all()
        return every[-1] if every else None


def _place(repository: Path) -> Path:
    git = repository / ".git"
    if git.is_file():
        # In a linked worktree or a submodule, a file says where the folder is.
        named = git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        git = repository / named
    return (git if git.is_dir() else repository) / (
        "dagstead/undo" if git.is_dir() else f"{OWN_FOLDER}/undo"
    )


def _index(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return loaded


def _steps(folder: Path) -> Iterator[JournalEntry]:
    return (JournalEntry(**each) for each in _index(folder)["steps"])


def _set_state(folder: Path, state: str) -> None:
    index = json.dumps({**_index(folder), "state": state}, indent=1)
    temporary = folder / f".{_INDEX}"
    _write(temporary, index.encode())
    temporary.replace(folder / _INDEX)


def _stored(folder: Path, number: int, side: str, digest: str) -> bytes | None:
    return (folder / f"{number}.{side}").read_bytes() if digest else None


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _digest(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
