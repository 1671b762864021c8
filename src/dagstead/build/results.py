"""What a build leaves: files or an image, and the document that a control plane takes for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeAlias

from dagstead.build.model import Commit, PlannedBuild, Strategy
from dagstead.build.tree import file_digest
from dagstead.model.pex_names import PexName, tag_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PexFiles:
    """The PEX files of a location. Their names say their content: ``source-<hash>.pex``."""

    source: Path
    #: Shared by locations with the same dependencies.
    dependencies: Path
    #: As ``3.12``.
    python_version: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, to be uploaded under their own names before the deploy."""
        return (self.dependencies, self.source)

    @property
    def tag(self) -> str:
        """As ``dagster_cloud_cli.core.pex_builder.util.build_pex_tag`` writes it."""
        return tag_of(sorted(path.name for path in self.paths))

    @property
    def pinned_tag(self) -> str:
        """The same with the SHA-256 of the files as they are now."""
        return tag_of(sorted(pinned_name(path) for path in self.paths))


def pinned_name(path: Path) -> str:
    """The name of a PEX file in a store, with the SHA-256 of its content."""
    facts = path.stat()
    return _pinned_name(path, (facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=1024)
def _pinned_name(path: Path, _version: tuple[int, ...]) -> str:
    # Locations share files of hundreds of megabytes.
    return str(PexName.of(path.name).pinned_to(file_digest(path)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image in a registry."""

    #: What is deployed: pinned, ``host/path@sha256:…``, when we pushed it; else as it was given.
    reference: str
    #: The name under which people find it: ``host/path:tag``. ``None`` for a given image.
    tag: str | None = None
    #: ``sha256:…``; ``None`` when it was not pushed, or not built by us.
    digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoArtifact:
    """A location that runs from an environment on the agent's machine (``executable_path``)."""


Result: TypeAlias = PexFiles | Image | NoArtifact


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildResult:
    """A location that is ready to be deployed."""

    location: str
    strategy: Strategy
    #: ``None`` is the default queue.
    queue: str | None
    result: Result
    #: The entry in the form of ``dagster_cloud.yaml``, defaults merged, without ``build``.
    settings: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, planned: PlannedBuild, result: Result) -> Self:
        """What came of a planned build."""
        return cls(
            location=planned.location,
            strategy=planned.strategy,
            queue=planned.queue,
            result=result,
            settings=planned.document,
        )

    @property
    def python(self) -> str | None:
        """The Python that its PEX files are for, as ``3.12``."""
        return self.result.python_version if isinstance(self.result, PexFiles) else None

    def document(self, commit: Commit | None = None) -> dict[str, Any]:
        """Its entry for a control plane, in the form of ``dagster_cloud.yaml``.

        Defaults are merged, ``build`` is gone, and ``image`` or ``pex_metadata`` is filled in, as
        ``dagster_cloud_cli.config_utils.get_location_document`` makes it.

        Args:
            commit: what it was built from; becomes ``git``.
        """
        document = dict(self.settings)
        match self.result:
            case PexFiles() as files:
                document.pop("image", None)
                document["pex_metadata"] = {
                    "pex_tag": files.pinned_tag,
                    "python_version": files.python_version,
                }
            case Image() as image:
                document["image"] = image.reference
            case NoArtifact():
                pass
        if commit is not None:
            document["git"] = {"commit_hash": commit.hash}
            if commit.url is not None:
                document["git"]["url"] = commit.url
        return document
