"""What a person chooses about a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.build.model import Platform, Strategy


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """What a person chooses about a plan. Mappings are by name of the location."""

    #: Only these; empty is all.
    locations: tuple[str, ...] = ()
    #: Instead of what the classification says.
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    #: Images from elsewhere, with tag or digest: these locations are prebuilt.
    images: Mapping[str, str] = field(default_factory=dict)
    #: Instead of ``build.registry``, of these and of all others that are built as images.
    registries: Mapping[str, str] = field(default_factory=dict)
    registry: str | None = None
    #: Whether serverless locations with a Dockerfile are built as images.
    serverless_images: bool = False
    #: Instead of ``Dockerfile`` in the build directory.
    dockerfiles: Mapping[str, Path] = field(default_factory=dict)
    #: The Python of all PEX files, as ``3.12``.
    python: str | None = None
    #: The machines that all of it is for; ``None`` is this one, and for images what Docker takes.
    platform: Platform | None = None
    #: The variables that programs get; ``PATH`` is where interpreters are looked for.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
