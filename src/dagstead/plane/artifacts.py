"""What a deployed document says of its code: how it was built, and from which commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: A name, its tag, and the digest of what is in the registry.
_DIGEST = re.compile(r"(?P<name>.+?)@(?P<digest>[A-Za-z0-9+._-]+:[0-9a-fA-F]{8,})")


class Build(StrEnum):
    """How code comes to whoever runs it."""

    PEX = "PEX"
    IMAGE = "image"
    #: A folder of the machine that runs it.
    FOLDER = "folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """What runs."""

    build: Build
    #: The image without its digest, or the Python of PEX files; empty where nothing is said.
    name: str = ""
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.build} {self.name}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """The commit that code is from."""

    hash: str | None = None
    #: Its page, if that is an address that a browser may open.
    url: str | None = None


def artifact_of(document: Mapping[str, Any]) -> Artifact:
    """What a document deploys."""
    pex = document.get("pex_metadata")
    if isinstance(pex, Mapping):
        python = pex.get("python_version")
        return Artifact(build=Build.PEX, name=f"Python {python}" if python else "")
    image = document.get("image")
    if not isinstance(image, str) or not image:
        return Artifact(build=Build.FOLDER)
    found = _DIGEST.fullmatch(image)
    if found is None:
        return Artifact(build=Build.IMAGE, name=image)
    return Artifact(build=Build.IMAGE, name=found["name"], digest=found["digest"])


def commit_of(document: Mapping[str, Any]) -> Commit:
    """The commit of a document."""
    git = document.get("git")
    if not isinstance(git, Mapping):
        return Commit()
    return Commit(hash=_text(git.get("commit_hash")), url=web_address(git.get("url")))


def web_address(text: object) -> str | None:
    """An address that a link may lead to; ``None`` for all else, such as ``javascript:``."""
    return text if isinstance(text, str) and text.startswith(("https://", "http://")) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
