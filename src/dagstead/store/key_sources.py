"""Where the master keys of a control plane come from: a file, a value, or a command."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dagstead.errors import MasterKeyError
from dagstead.plane.master_keys import MasterKey, new_master_key, read_master_keys
from dagstead.store.printed import UnprintedError, printed

logger = logging.getLogger(__name__)

#: In the data folder, where no other source is named.
OWN_KEY_FILE = Path("keys", "master.key")

_REMARK = (
    "# The master key of this control plane. Without it, nobody can read the secrets that it\n"
    "# stores: keep a copy elsewhere, and not beside the backups. The first key encrypts; those\n"
    "# below it are older ones, which only backups from before may need.\n"
)


class KeySource(Protocol):
    """Gives the master keys. The first one is for what is encrypted from now on."""

    @property
    def name(self) -> str:
        """The source, in the middle of a sentence."""

    def read(self) -> Sequence[MasterKey]:
        """The keys, as they are now.

        Raises:
            MasterKeyError: when they cannot be read.
        """

    def add_new(self, *, if_none: bool = False) -> MasterKey | None:
        """Put a new key in front of the others; ``None`` where that is for somebody else to do.

        Args:
            if_none: only if there is no key; otherwise, the first one is returned.

        Raises:
            MasterKeyError: when it cannot be written.
        """


@dataclass(frozen=True, slots=True)
class OwnKeyFile:
    """A file that the control plane makes and changes itself, readable by its own user only."""

    path: Path

    @property
    def name(self) -> str:
        """The source, in the middle of a sentence."""
        return f"its own file {OWN_KEY_FILE}"

    def read(self) -> Sequence[MasterKey]:
        """The keys in the file; none if there is no file.

        Raises:
            MasterKeyError: when it cannot be read, or has something else.
        """
        try:
            return read_master_keys(self.path.read_text(encoding="utf-8"), self.name)
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(self.name, error) from error

    def add_new(self, *, if_none: bool = False) -> MasterKey:
        """Put a new key in front of the others, on the disk when this returns.

        Args:
            if_none: only if there is no key; otherwise, the first one is returned.

        Raises:
            MasterKeyError: when it cannot be written.
        """
        new = new_master_key()
        try:
            with self._alone():
                known = self.read()
                if known and if_none:
                    return known[0]
                keys = [new, *known]
                _write(self.path, _REMARK + "".join(f"{key.text}\n" for key in keys))
        except OSError as error:
            msg = f"The master key cannot be written to {self.name}: {error.strerror}."
            raise MasterKeyError(msg) from error
        return new

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the file meanwhile."""
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
            os.fsync(handle)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file that somebody else makes and changes, such as a mounted Secret."""

    path: Path

    @property
    def name(self) -> str:
        """The source, in the middle of a sentence."""
        return "the file of master_key_file"

    def read(self) -> Sequence[MasterKey]:
        """The keys in the file.

        Raises:
            MasterKeyError: when there is no such file, or it has no key.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(self.name, error) from error
        return _some(read_master_keys(text, self.name), self.name)

    def add_new(self, *, if_none: bool = False) -> None:
        """The file is for somebody else to change."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """Keys that were given as a value."""

    name: str
    text: str = field(repr=False)

    def read(self) -> Sequence[MasterKey]:
        """The keys, always the same.

        Raises:
            MasterKeyError: when it has none, or something else.
        """
        return _some(read_master_keys(self.text, self.name), self.name)

    def add_new(self, *, if_none: bool = False) -> None:
        """The value is for somebody else to change."""


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A program that prints the keys, such as the client of a vault. No shell is used."""

    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The source, in the middle of a sentence."""
        return "the command of master_key_command"

    def read(self) -> Sequence[MasterKey]:
        """The keys that it prints.

        Raises:
            MasterKeyError: when it cannot be started, fails, or takes too long.
        """
        try:
            text = printed(self.arguments, "master_key_command")
        except UnprintedError as error:
            msg = f"The master key cannot be read: {self.name} {error.message}."
            raise MasterKeyError(msg) from None
        return _some(read_master_keys(text, self.name), self.name)

    def add_new(self, *, if_none: bool = False) -> None:
        """What it prints is for somebody else to change."""


def _some(keys: Sequence[MasterKey], name: str) -> Sequence[MasterKey]:
    if not keys:
        msg = f"There is no master key in {name}. Make one with `openssl rand -hex 32`."
        raise MasterKeyError(msg)
    return keys


def _unreadable(name: str, error: Exception) -> MasterKeyError:
    reason = error.strerror if isinstance(error, OSError) else "it is not text"
    return MasterKeyError(f"The master key cannot be read from {name}: {reason}.")


def _write(path: Path, text: str) -> None:
    """Replace a file, so that a reader sees the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".master.key.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
