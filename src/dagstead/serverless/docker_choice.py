"""What a pool on Docker works with, settled before its agent starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerChoice:
    """The daemon's part of a pool."""

    #: The pool's own name: it is on everything that it makes, as several may share a daemon.
    pool: str
    #: The network of its containers, and the machine's own address in it.
    network: str
    gateway: str
    #: The machine's interface to it.
    bridge: str
    #: The control plane's address, as containers reach it.
    url: str
    #: The image in which PEX files run; ``{python}`` stands for a version such as ``3.12``.
    base_image: str
    #: How the names of images begin that the control plane's own registry has.
    registry_host: str

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DockerChoice:
        """Read what :meth:`as_json` wrote."""
        return cls(**value)
