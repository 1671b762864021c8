"""What is started behind the walls, and whose it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.serverless.sandbox.limits import ProcessLimits


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose code it is: what has the same owner is not kept apart."""

    #: ``location``; ``local`` for one whose code is on this machine; ``package`` for what is
    #: unpacked.
    kind: str
    name: str

    @classmethod
    def location(cls, deployment: str, location: str, *, is_local: bool = False) -> Owner:
        """A code location of a deployment."""
        digest = hashlib.sha256(f"{deployment}\n{location}".encode()).hexdigest()
        return cls("local" if is_local else "location", digest[:16])

    @classmethod
    def package(cls, key: str) -> Owner:
        """An unpacked PEX file."""
        return cls("package", key)

    @property
    def is_local(self) -> bool:
        """Whether it may reach all of the machine that its user may, but not the data folder."""
        return self.kind == "local"

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"{self.kind}-{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """User code, or something that reads what users have made."""

    command: Sequence[str]
    #: All variables that it has.
    environment: Mapping[str, str]
    folder: Path | None = None
    #: Trees that it reads and writes, beside what every program has.
    read: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()
    #: Unpacked PEX files that it reads.
    packages: tuple[str, ...] = ()
    #: A deployment whose outputs it reads and writes.
    deployment: str | None = None
    umask: int = -1
    #: How much others go before it, up to 19.
    niceness: int = 0
    limits: ProcessLimits = field(default_factory=ProcessLimits)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartCommand:
    """How to start a program behind its walls."""

    command: Sequence[str]
    environment: Mapping[str, str]
    #: Descriptors that it has to inherit.
    descriptors: tuple[int, ...] = ()
