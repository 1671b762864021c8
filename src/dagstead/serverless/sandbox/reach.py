"""What a piece of user code can reach on disk."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

#: What programs of every system need; no data of anybody. Links among them are kept as links.
SYSTEM = tuple(
    Path(name)
    for name in (
        *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix"),
        # Where /etc/resolv.conf leads to, and the user names of a machine with a directory service.
        *("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd"),
        "/var/lib/sss/pipes",
        "/sys",
    )
)
PROCESSES = Path("/proc")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a place to rule, nothing is written here
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - replaced by a folder of its own
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "fuse")
_GRAPHICS = ("nvidia*", "nvidia-caps", "dri", "kfd", "accel")
#: In /etc: what root may read, and no other user.
_OF_ROOT = ("shadow", "gshadow", "sudoers", "ssh", "ssl/private", "security/opasswd")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReach:
    """Trees of files; whatever else there is, user code cannot open."""

    read: tuple[Path, ...]
    written: tuple[Path, ...]
    #: Instead of the user's home.
    home: Path
    #: Instead of ``/tmp``, which user code shares with nobody; ``None`` is the machine's.
    temporary: Path | None
    #: Trees of the machine that all user code may read, and those that it may write.
    machine_read: tuple[Path, ...] = SYSTEM
    machine_written: tuple[Path, ...] = ()
    #: Paths in the trees of the machine that nobody may open, unless they are one's own.
    hidden: tuple[Path, ...] = ()
    #: Numbers of groups that may open what is read and written, besides the program's own user.
    groups: tuple[int, ...] = ()

    @property
    def is_whole_machine(self) -> bool:
        """Whether it is code of this machine, which may reach all that its user may."""
        return Path("/") in self.machine_written

    def as_trees(self, *, as_root: bool) -> FileReach:
        """The same for the kernel's rules, which allow trees and can take nothing back.

        Args:
            as_root: whether the code stays root, without its rights: then what other users cannot
                read for its modes is left out.
        """
        secrets = secrets_of_root() if as_root and not self.is_whole_machine else ()
        hidden = (*self.hidden, *secrets)
        return replace(
            self,
            read=(*_all_but((*self.machine_read, PROCESSES), hidden), *self.read),
            written=(*_all_but(self.machine_written, hidden), *self.written),
        )


def _all_but(trees: Iterable[Path], hidden: Collection[Path]) -> Iterator[Path]:
    """Trees without some paths in them: as few trees as that takes."""
    for tree in trees:
        if tree in hidden:
            continue
        if any(tree in path.parents for path in hidden):
            yield from _all_but(_children(tree), hidden)
        else:
            yield tree


def _children(folder: Path) -> list[Path]:
    try:
        # What a link leads to has a path of its own.
        return [child for child in sorted(folder.iterdir()) if not child.is_symlink()]
    except OSError:
        return []


def secrets_of_root() -> tuple[Path, ...]:
    """What root may read in the folders of the system, and no other user."""
    return tuple(Path("/etc", name) for name in _OF_ROOT)


def devices() -> Iterator[Path]:
    """The devices that every program may use, and those that compute."""
    yield from (Path("/dev", name) for name in _DEVICES)
    yield from computing_devices()


def computing_devices() -> Iterator[Path]:
    """Graphics processors and the like."""
    for pattern in _GRAPHICS:
        yield from Path("/dev").glob(pattern)


def of_interpreter(python: Path) -> tuple[Path, ...]:
    """What has to be read so that an interpreter starts, outside of the system's folders.

    An interpreter of a virtual environment is a link, or a chain of them.
    """
    found: list[Path] = []
    hop = python.absolute()
    for _ in range(16):
        prefix = hop.parent.parent
        if not any(prefix == folder or folder in prefix.parents for folder in SYSTEM):
            found.append(prefix)
        try:
            target = hop.readlink()
        except OSError:
            break
        hop = Path(os.path.normpath(hop.parent / target))
    return tuple(dict.fromkeys(path for path in found if path != Path("/")))
