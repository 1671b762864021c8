"""Images in the installation's registry: their repositories, and what was pushed into them.

A repository belongs to a deployment. Tokens that may deploy all of it share one; every other token
shares one with those that may deploy the same, as it is with PEX files. In the CLI's other form
(for Harbor) there is a repository for each code location below.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from dagstead.errors import InvalidInputError
from dagstead.plane.pex_files import Uploader

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
#: A repository's name, as registries take it (OCI distribution specification 1.1).
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_PLAIN = re.compile(_PART)
_NAMESPACE = re.compile(r"by-[0-9a-f]{32}")
_DIGEST = r"sha256:[0-9a-f]{64}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_IMAGE = re.compile(rf"(?P<path>{_NAME.pattern})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?")
_NAME_MAX = 255
#: Where this server answers clients of registries.
REGISTRY_PATH = "/v2/"
#: What a sealed password of the registry is for.
PASSWORD = "registry"  # noqa: S105 - a word for what it is
_DIGITS = 12
_HEX_OF_TAG = 32
#: Tags of ours, by which a registry keeps an image whose own tag has become another image's.
KEEPING = "dagstead-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A repository of the installation's registry."""

    #: The part of its name that stands for a deployment; see :func:`folder_of`.
    folder: str
    #: Of those tokens that may deploy only a part of the deployment.
    namespace: str | None = None
    #: The rest of its name: a code location, where there is one.
    location: str | None = None

    @property
    def name(self) -> str:
        """Its name within the registry."""
        return "/".join(part for part in (self.folder, self.namespace, self.location) if part)

    @classmethod
    def named(cls, name: str) -> Repository:
        """Read a name.

        Raises:
            InvalidInputError: no registry takes it.
        """
        if not is_repository(name):
            msg = f"{name[:80]!r} cannot name a repository of images."
            raise InvalidInputError(msg)
        folder, _, rest = name.partition("/")
        namespace, _, below = rest.partition("/")
        if _NAMESPACE.fullmatch(namespace):
            return cls(folder=folder, namespace=namespace, location=below or None)
        return cls(folder=folder, location=rest or None)

    @classmethod
    def of(cls, deployment: str, uploader: Uploader) -> Repository:
        """Where somebody pushes images for a deployment."""
        namespace = None if uploader.deploys_whole else uploader.namespace
        return cls(folder=folder_of(deployment), namespace=namespace)


def folder_of(deployment: str) -> str:
    """A deployment's name as a part of a repository's name, which not every one can be."""
    if _PLAIN.fullmatch(deployment):
        return deployment
    # No name of a deployment has a dot.
    return f"deployment.{hashlib.sha256(deployment.encode()).hexdigest()[:_DIGITS]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnImage:
    """An image of the installation's registry, as a location names it."""

    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def named(cls, image: str, host: str) -> OwnImage | None:
        """Read the name of an image; ``None`` for images of other registries.

        Args:
            image: as a container is started from.
            host: the registry's address, with its port if it has one.

        Raises:
            InvalidInputError: it is below the registry, and no name of an image.
        """
        if not image.startswith(f"{host}/"):
            return None
        found = _IMAGE.fullmatch(image.removeprefix(f"{host}/"))
        if found is None:
            msg = (
                f"{image[:200]!r} is not the name of an image. Name it as the build has pushed it: "
                f"{host}/REPOSITORY:TAG."
            )
            raise InvalidInputError(msg)
        return cls(repository=found["path"], tag=found["tag"], digest=found["digest"])


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageManifest:
    """What describes an image in a registry."""

    digest: str
    #: Of the layers of an image, in bytes; 0 for one that consists of several.
    size: int = 0
    #: The digests of those.
    parts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, body: bytes) -> ImageManifest:
        """Read one as it is pushed; what has another form says nothing of size and parts."""
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        try:
            document = json.loads(body)
            layers, parts = (
                [each for each in document.get(key) or [] if isinstance(each, dict)]
                for key in ("layers", "manifests")
            )
        except (ValueError, AttributeError, TypeError, RecursionError):
            return cls(digest=digest)
        sizes = [each.get("size") for each in layers]
        named = (str(each.get("digest")) for each in parts)
        return cls(
            digest=digest,
            size=sum(size for size in sizes if isinstance(size, int)),
            parts=frozenset(filter(is_digest, named)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedImage:
    """An image that somebody pushed."""

    repository: str
    #: Empty when it was pushed by its digest, as the parts of an image for several platforms are.
    tag: str
    digest: str
    uploader: Uploader
    #: The name of the token that pushed it last.
    by: str
    pushed_at: float
    #: When something last needed it, as far as sweeps have looked.
    needed_at: float
    #: Of its layers, in bytes.
    size: int = 0
    #: The digests of what it consists of, where it is for several platforms.
    parts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its name in the registry, by its content."""
        return f"{self.repository}@{self.digest}"

    def is_meant(self, image: OwnImage) -> bool:
        """Whether a location that names an image means this one."""
        if image.digest is not None:
            return self.digest == image.digest
        return self.tag == (image.tag or "latest")


def is_repository(name: str) -> bool:
    """Whether registries take it as the name of a repository."""
    return len(name) <= _NAME_MAX and _NAME.fullmatch(name) is not None


def is_digest(reference: str) -> bool:
    """Whether an image is named by its content, not by a tag."""
    return re.fullmatch(_DIGEST, reference) is not None


def digest_of(image: str | None) -> str | None:
    """The digest in the name of an image, if it has one."""
    return (image or "").partition("@")[2] or None


def is_reference(text: str) -> bool:
    """Whether registries take it as a tag or a digest."""
    return re.fullmatch(f"{_TAG}|{_DIGEST}", text) is not None


def keeping_tag(digest: str) -> str:
    """A tag that no other image gets."""
    return KEEPING + digest.removeprefix("sha256:")[:_HEX_OF_TAG]
