"""What a plan says: the values that pass from planning to building, and to whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    # Reading files takes longer to import than a command that reads none takes.
    from dagstead.repository.files.before_build import Preparation


class Strategy(StrEnum):
    """How a location becomes something that runs."""

    #: Two PEX files, for the control plane's own pool.
    PEX = "pex"
    #: An image, pushed to the location's registry, for an agent.
    DOCKER = "docker"
    #: What exists already.
    PREBUILT = "prebuilt"


class Platform(StrEnum):
    """The machines that PEX files are made for, in the words of uv and of wheels."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


@dataclass(frozen=True, kw_only=True, slots=True)
class PexPlan:
    """PEX files: for which Python, on which machine."""

    #: As ``3.12``.
    python_version: str
    #: Why this one, in a few words: ``requires-python is '>=3.11,<3.13'``.
    python_reason: str
    #: ``None`` is the machine that builds.
    platform: Platform | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerPlan:
    """An image: from which Dockerfile, to which repository."""

    #: Host and path without tag or digest, as ``build.registry`` has it; empty for the control
    #: plane's own registry, which is asked for when it is built.
    repository: str
    #: Unique for what it is built from: ``weather-1a2b3c4-5d6e7f80``.
    tag: str
    #: Absolute; ``None`` when the location has none and one is generated.
    dockerfile: Path | None
    #: The text of the one that is generated; ``None`` when the location has one.
    generated: str | None = None
    #: ``None`` is what the Docker daemon takes by itself.
    platform: Platform | None = None

    @property
    def is_for_control_plane(self) -> bool:
        """Whether it goes to the control plane's own registry."""
        return not self.repository

    @property
    def reference(self) -> str:
        """What is pushed: repository and tag; the tag alone where only the control plane knows."""
        return self.tag if self.is_for_control_plane else f"{self.repository}:{self.tag}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PrebuiltPlan:
    """Nothing to build."""

    #: With tag or digest; ``None`` for a location that only names an ``executable_path``.
    image: str | None


How: TypeAlias = PexPlan | DockerPlan | PrebuiltPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedBuild:
    """What to do for one code location."""

    location: str
    #: The location's name in the form of tags and file names; unique in the plan.
    slug: str
    how: How
    #: What shows that this is the strategy, and what else is worth knowing, without a full stop.
    reason: str
    #: ``file:line:column`` of the location's name.
    position: str
    #: The folder that is built, absolute.
    directory: Path
    #: The same, relative to the root of the project; ``.`` is the root.
    folder: str
    #: ``None`` is the default queue.
    queue: str | None
    #: Same key, same input: 16 hexadecimal digits over the files and settings that are built.
    cache_key: str
    #: What is run before it is built; ``None`` for nothing.
    before: Preparation | None = None
    #: The entry in the form of ``dagster_cloud.yaml``, defaults merged, without ``build``.
    document: Mapping[str, Any] = field(repr=False)

    @property
    def python(self) -> str | None:
        """The Python that PEX files are built for, as ``3.12``."""
        return self.how.python_version if isinstance(self.how, PexPlan) else None

    @property
    def strategy(self) -> Strategy:
        """How it is built."""
        match self.how:
            case PexPlan():
                return Strategy.PEX
            case DockerPlan():
                return Strategy.DOCKER
            case PrebuiltPlan():
                return Strategy.PREBUILT


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """The commit that is built."""

    hash: str
    #: A web page of it, where the remote is one that has such pages.
    url: str | None = None
    #: Whether files differ from it.
    is_dirty: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """All builds of one session, in the order of the locations."""

    #: The root of the project, absolute.
    root: Path
    builds: tuple[PlannedBuild, ...]
    #: ``None`` outside of git.
    commit: Commit | None = None

    @property
    def needs_registry(self) -> tuple[PlannedBuild, ...]:
        """The builds whose images go to the control plane's own registry."""
        return tuple(each for each in self.builds if _is_for_control_plane(each.how))

    def with_registry(self, repository: str) -> BuildPlan:
        """The same, once it is known where those images go."""
        builds = tuple(
            replace(each, how=replace(each.how, repository=repository))
            if isinstance(each.how, DockerPlan) and each.how.is_for_control_plane
            else each
            for each in self.builds
        )
        return replace(self, builds=builds)


def _is_for_control_plane(how: How) -> bool:
    return isinstance(how, DockerPlan) and how.is_for_control_plane
