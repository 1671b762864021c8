"""Names of images, and the registries and folders that they are in."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from dagstead.errors import InvalidInputError

_DOCKER_HUB = "docker.io"
_ALSO_DOCKER_HUB = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
#: A name with its tag and digest, as Docker reads it; nothing that two programs may read apart.
_IMAGE = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*(?::\d+)?(?:/[a-z0-9][a-z0-9._-]*)*)"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z0-9+._-]+:[0-9a-fA-F]+)?",
    re.ASCII,
)


def is_below(image: str, folder: str) -> bool:
    """Whether an image is in a registry, or in a folder of it.

    Args:
        image: as a container is started from, such as ``ghcr.io/acme/etl:3``.
        folder: such as ``ghcr.io/acme``; ``*`` stands for anything within one part.
    """
    found = _IMAGE.fullmatch(image)
    if found is None:
        return False
    parts, wanted = _parts(found["name"]), folder.rstrip("/").split("/")
    wanted[0] = _host(wanted[0])
    fitting = zip(parts, wanted, strict=False)
    return len(wanted) <= len(parts) and all(fnmatchcase(part, each) for part, each in fitting)


def check_registry(folder: str) -> str:
    """Return a registry, or a folder of one, as it can stand in a policy.

    Raises:
        InvalidInputError: when it does not begin with the address of a registry.
    """
    host, *others = folder.rstrip("/").split("/")
    is_address = "." in host or ":" in host or host in {"localhost", "*"}
    if not is_address or not all(others) or "**" in folder:
        msg = (
            f"{folder!r} is not a registry. Begin with its address, such as ghcr.io/acme; Docker "
            "Hub's is docker.io. `*` stands for anything within one part."
        )
        raise InvalidInputError(msg)
    return folder


def _parts(name: str) -> list[str]:
    """The registry and the folders of an image, as Docker completes them."""
    host, *others = name.split("/")
    if not others or not ("." in host or ":" in host or host == "localhost"):
        hub = ["library", host] if not others else [host, *others]
        return [_DOCKER_HUB, *hub]
    if _host(host) == _DOCKER_HUB and len(others) == 1:
        others = ["library", *others]
    return [_host(host), *others]


def _host(host: str) -> str:
    lowered = host.lower()
    return _DOCKER_HUB if lowered in _ALSO_DOCKER_HUB else lowered
