"""Options for how locations are built."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.build.model import Platform, Strategy
from dagstead.cli.options.pairs import pairs
from dagstead.errors import InvalidInputError
from dagstead.model.folders import OWN_FOLDER

if TYPE_CHECKING:
    from dagstead.build.options import BuildOptions
    from dagstead.build.plan_options import PlanOptions

_PLANNING = "How each location is built"
_BUILDING = "Building"

#: Where built files go when no folder is named.
OUTPUT = Path(OWN_FOLDER, "build")


ShowDockerfileOption = Annotated[
    bool,
    typer.Option("--show-dockerfile", help="Only print the Dockerfiles that are generated."),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFlags:
    """How locations are built, instead of what their files say."""

    strategy: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help="Build a location as pex, docker or prebuilt, whatever its files say; may be "
            "repeated.",
            metavar="LOCATION=STRATEGY",
            rich_help_panel=_PLANNING,
        ),
    ] = None
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Use this image, with a tag or digest, and do not build one; may be repeated.",
            metavar="LOCATION=IMAGE",
            rich_help_panel=_PLANNING,
        ),
    ] = None
    registry: Annotated[
        list[str] | None,
        typer.Option(
            "--registry",
            help="Registry for images instead of build.registry; may be repeated.",
            metavar="[LOCATION=]HOST/PATH",
            rich_help_panel=_PLANNING,
        ),
    ] = None
    serverless_images: Annotated[
        bool,
        typer.Option(
            "--serverless-images",
            help="Build serverless locations that have a Dockerfile as images, for the control "
            "plane's own registry.",
            rich_help_panel=_PLANNING,
        ),
    ] = False
    dockerfile: Annotated[
        list[str] | None,
        typer.Option(
            "--dockerfile",
            help="Use this file instead of Dockerfile in the build directory; may be repeated.",
            metavar="LOCATION=PATH",
            rich_help_panel=_PLANNING,
        ),
    ] = None
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            help="Python version for PEX files, such as 3.12.",
            rich_help_panel=_PLANNING,
        ),
    ] = None
    platform: Annotated[
        Platform | None,
        typer.Option(
            "--platform",
            help="Processor to build for, on Linux; by default this machine's.",
            rich_help_panel=_PLANNING,
        ),
    ] = None

    def options(self, locations: Sequence[str] | None) -> PlanOptions:
        """Options for a plan of these locations; ``None`` means all.

        Raises:
            InvalidInputError: when an option does not have its form.
        """
        from dagstead.build.plan_options import PlanOptions

        registries = [_registry(text) for text in self.registry or ()]
        return PlanOptions(
            locations=tuple(locations or ()),
            strategies={
                name: _strategy(value) for name, value in _by_location("--strategy", self.strategy)
            },
            images=dict(_by_location("--image", self.image)),
            registries={name: value for name, value in registries if name},
            serverless_images=self.serverless_images,
            registry=next((value for name, value in reversed(registries) if not name), None),
            dockerfiles={
                name: Path(value) for name, value in _by_location("--dockerfile", self.dockerfile)
            },
            python=self.python,
            platform=self.platform,
            environment=dict(os.environ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFlags:
    """How a plan is carried out."""

    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            help="Folder for files that later builds can reuse; by default in your cache folder.",
            rich_help_panel=_BUILDING,
            show_default=False,
        ),
    ] = None
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            help="How many locations to build at once; by default the number of processors.",
            min=1,
            rich_help_panel=_BUILDING,
            show_default=False,
        ),
    ] = None
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", help="Stop when the first location fails.", rich_help_panel=_BUILDING
        ),
    ] = False
    no_load: Annotated[
        bool,
        typer.Option(
            "--no-load",
            help="Do not load the definitions of PEX files after building them.",
            rich_help_panel=_BUILDING,
        ),
    ] = False
    no_push: Annotated[
        bool,
        typer.Option(
            "--no-push",
            help="Do not push images; keep them on this machine.",
            rich_help_panel=_BUILDING,
        ),
    ] = False
    build_arg: Annotated[
        list[str] | None,
        typer.Option(
            "--build-arg",
            help="Build argument for Dockerfiles; a value that is left out is taken from the "
            "environment. May be repeated.",
            metavar="NAME[=VALUE]",
            rich_help_panel=_BUILDING,
        ),
    ] = None
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            help="Build secret for Dockerfiles, in docker's form: id=NAME,src=FILE or "
            "id=NAME,env=VARIABLE; may be repeated.",
            metavar="SECRET",
            rich_help_panel=_BUILDING,
        ),
    ] = None
    ssh: Annotated[
        list[str] | None,
        typer.Option(
            "--ssh",
            help="SSH agent or keys for Dockerfiles, as docker takes it: default or ID=PATH.",
            metavar="default|ID[=PATH]",
            rich_help_panel=_BUILDING,
        ),
    ] = None
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-layer-cache",
            help="Do not read or write a cache of image layers in the registry.",
            rich_help_panel=_BUILDING,
        ),
    ] = False

    def options(self, output: Path = OUTPUT) -> BuildOptions:
        """Options for a build; creates ``output`` if it is the default folder.

        Raises:
            InvalidInputError: when that folder cannot be created.
        """
        from dagstead.build.options import BuildOptions, DockerOptions

        if output == OUTPUT:
            _make_output()
        return BuildOptions(
            output=output.absolute(),
            cache=(self.cache or _default_cache()).absolute(),
            environment=dict(os.environ),
            jobs=self.jobs or os.cpu_count() or 1,
            fail_fast=self.fail_fast,
            load=not self.no_load,
            docker=DockerOptions(
                push=not self.no_push,
                arguments=dict(_build_argument(text) for text in self.build_arg or ()),
                secrets=tuple(self.secret or ()),
                ssh=tuple(self.ssh or ()),
                cache=not self.no_cache,
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputBuildFlags(BuildFlags):
    """The same, and where what was built is kept."""

    output: Annotated[
        Path, typer.Option("--output", help="Folder for PEX files and the manifest build.json.")
    ] = OUTPUT


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployBuildFlags(BuildFlags):
    """The same for a deploy: every location must be built, and agents pull the images."""

    fail_fast: bool = field(default=True, init=False)
    no_push: bool = field(default=False, init=False)


def _default_cache() -> Path:
    """Our folder in the cache folder of this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dagstead"


def _make_output() -> None:
    """Create the folder in the work tree, and let git ignore it."""
    try:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        (OUTPUT.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        msg = f"The folder {str(OUTPUT)!r} cannot be created here: {error.strerror}."
        raise InvalidInputError(msg) from error


def _strategy(text: str) -> Strategy:
    try:
        return Strategy(text)
    except ValueError as error:
        msg = f"--strategy: {text!r} is not one of {', '.join(Strategy)}."
        raise InvalidInputError(msg) from error


def _registry(text: str) -> tuple[str, str]:
    """A location, or nothing for all, and where its images go: no such address has a ``=``."""
    name, _, value = text.rpartition("=")
    return name, value


def _by_location(flag: str, given: Sequence[str] | None) -> list[tuple[str, str]]:
    return pairs(flag, given, form="LOCATION=…")


def _build_argument(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    return name, value if equals else None
