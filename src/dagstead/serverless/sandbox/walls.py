"""Which walls stand between user code and everything else on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How strong the walls are; the smaller the number, the stronger."""

    USERS = 1
    BUBBLEWRAP = 2
    KERNEL = 3
    NONE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Walls:
    """What was found out by trying. Walls stack: user code stands behind all of them."""

    #: The first and the last number of the users that code locations run as; only root can do that.
    users: tuple[int, int] | None = None
    #: The program ``bwrap``.
    bubblewrap: str | None = None
    #: The version of the kernel's Landlock that is in force; 0 is none.
    landlock: int = 0
    #: Whether the system calls are filtered.
    seccomp: bool = False
    #: Whether the kernel counts a run's memory, processes and processor time (cgroups). Otherwise
    #: the pool looks itself, once a second.
    cgroups: bool = False
    #: Whether user code reaches nothing on the loopback but the control plane and itself.
    loopback: bool = False
    #: Why there is no stronger wall, as sentences.
    reasons: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """The strongest wall."""
        if self.users:
            return Level.USERS
        if self.bubblewrap:
            return Level.BUBBLEWRAP
        return Level.KERNEL if self.landlock else Level.NONE

    @property
    def words(self) -> tuple[str, ...]:
        """The walls by name, for machines; what is missing is not named."""
        named = (
            ("users", self.users),
            ("bubblewrap", self.bubblewrap),
            (f"landlock{self.landlock}", self.landlock),
            ("seccomp", self.seccomp),
            ("cgroups", self.cgroups),
            ("loopback", self.loopback),
        )
        return (f"level{int(self.level)}", *(name for name, stands in named if stands))

    @property
    def line(self) -> str:
        """All of it in one line."""
        walls = [
            *([f"users {self.users[0]} to {self.users[1]}"] if self.users else []),
            *(["bubblewrap"] if self.bubblewrap else []),
            *([f"Landlock {self.landlock}"] if self.landlock else []),
            "seccomp" if self.seccomp else "NO seccomp",
        ]
        limits = "limits by cgroups" if self.cgroups else "limits by looking once a second"
        loopback = "loopback closed" if self.loopback else "loopback OPEN to user code"
        if self.level is Level.NONE:
            start = "level 4: NO walls around user code"
        else:
            start = f"level {int(self.level)}: {', '.join(walls)}"
        return f"{start}; {limits}; {loopback}"

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Walls:
        """Read what :meth:`as_json` wrote."""
        users = value.get("users")
        return cls(
            **{
                **value,
                "users": None if users is None else (int(users[0]), int(users[1])),
                "reasons": tuple(value.get("reasons", ())),
            }
        )
