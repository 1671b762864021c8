"""What a person chooses about building."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageLogin:
    """What docker logs in with before it pushes."""

    #: Of the registry, with its port.
    host: str
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerOptions:
    """About images."""

    #: Whether images go to their registry; without it there is no digest to deploy by.
    push: bool = True
    #: ``--build-arg``: NAME to value; ``None`` takes it from the environment.
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    #: ``--secret``, as docker takes it: ``id=NAME,src=FILE`` or ``id=NAME,env=VARIABLE``.
    secrets: tuple[str, ...] = ()
    #: ``--ssh``, as docker takes it: ``default`` or ``ID=PATH``.
    ssh: tuple[str, ...] = ()
    #: Whether layers are taken from the registry, and left there for the next build.
    cache: bool = True
    #: ``None`` leaves logins to whoever builds.
    login: ImageLogin | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOptions:
    """How a plan is built."""

    #: PEX files and the manifest go here. It is made when it is missing.
    output: Path
    #: What later builds use again. It is made when it is missing.
    cache: Path
    #: The variables that programs get; ``PATH`` is where they are looked for.
    environment: Mapping[str, str] = field(repr=False)
    #: How many locations are built at one time, and processors used for packing.
    jobs: int = 1
    #: Whether the first failure stops the others.
    fail_fast: bool = False
    #: Whether the definitions in PEX files are loaded once, as the pool will.
    load: bool = True
    #: ``None`` is the one that came with this package, or else the first on the ``PATH``.
    uv: Path | None = None
    docker: DockerOptions = field(default_factory=DockerOptions)
    #: Seconds of a clock that never goes back.
    clock: Callable[[], float] = time.monotonic
    #: Seconds since 1970.
    now: Callable[[], float] = time.time
