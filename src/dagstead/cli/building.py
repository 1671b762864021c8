"""Options that plan, build and deploy share, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.build.model import Platform, Strategy
from dagstead.cli.completing import complete_location
from dagstead.errors import InvalidInputError
from dagstead.model.folders import OWN_FOLDER

if TYPE_CHECKING:
    from dagstead.build.model import Plan
    from dagstead.build.options import BuildOptions
    from dagstead.build.planning import PlanOptions

_PLANNING = "How each location is built"
_BUILDING = "Building"

#: Where a command looks when no folder is named.
HERE = Path()
#: Where files are built when no folder is named.
OUTPUT = Path(OWN_FOLDER, "build")

PathArgument = Annotated[
    Path, typer.Argument(help="The folder of your dagster_cloud.yaml.", show_default=False)
]
LocationOption = Annotated[
    list[str] | None,
    typer.Option(
        "--location",
        help="Only this one; may be repeated.",
        autocompletion=complete_location,
    ),
]
StrategyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        help="pex, docker or prebuilt, instead of what the file says; may be repeated.",
        metavar="LOCATION=STRATEGY",
        rich_help_panel=_PLANNING,
    ),
]
ImageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        help="An image from elsewhere, with tag or digest; may be repeated.",
        metavar="LOCATION=IMAGE",
        rich_help_panel=_PLANNING,
    ),
]
DockerfileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dockerfile",
        help="Instead of Dockerfile in the build directory; may be repeated.",
        metavar="LOCATION=PATH",
        rich_help_panel=_PLANNING,
    ),
]
PythonOption = Annotated[
    str | None,
    typer.Option(
        "--python", help="The Python of PEX files, such as 3.12.", rich_help_panel=_PLANNING
    ),
]
PlatformOption = Annotated[
    Platform | None,
    typer.Option(
        "--platform",
        help="The processor that all is built for, on Linux; this machine's if left out.",
        rich_help_panel=_PLANNING,
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Folder that later builds use again; in your cache folder if left out.",
        rich_help_panel=_BUILDING,
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        help="How many locations at one time; the number of processors if left out.",
        min=1,
        rich_help_panel=_BUILDING,
        show_default=False,
    ),
]
FailFastOption = Annotated[
    bool,
    typer.Option(
        "--fail-fast", help="Stop the others at the first failure.", rich_help_panel=_BUILDING
    ),
]
NoLoadOption = Annotated[
    bool,
    typer.Option(
        "--no-load",
        help="Do not load the definitions of PEX files before they are used.",
        rich_help_panel=_BUILDING,
    ),
]
NoPushOption = Annotated[
    bool,
    typer.Option("--no-push", help="Keep images on this machine.", rich_help_panel=_BUILDING),
]
BuildArgOption = Annotated[
    list[str] | None,
    typer.Option(
        "--build-arg",
        help="For Dockerfiles; without a value it is taken from the environment.",
        metavar="NAME[=VALUE]",
        rich_help_panel=_BUILDING,
    ),
]
SecretOption = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        help="For Dockerfiles, as docker takes it: id=NAME,src=FILE or id=NAME,env=VARIABLE.",
        metavar="SECRET",
        rich_help_panel=_BUILDING,
    ),
]
NoCacheOption = Annotated[
    bool,
    typer.Option(
        "--no-layer-cache",
        help="Take no layers of images from the registry, and leave none there.",
        rich_help_panel=_BUILDING,
    ),
]


def plan_options(
    *,
    location: Sequence[str] | None,
    strategy: Sequence[str] | None,
    image: Sequence[str] | None,
    dockerfile: Sequence[str] | None,
    python: str | None,
    platform: Platform | None,
) -> PlanOptions:
    """From flags to options."""
    from dagstead.build.planning import PlanOptions

    strategies = {name: _strategy(value) for name, value in _pairs("--strategy", strategy)}
    return PlanOptions(
        locations=tuple(location or ()),
        strategies=strategies,
        images=dict(_pairs("--image", image)),
        dockerfiles={name: Path(value) for name, value in _pairs("--dockerfile", dockerfile)},
        python=python,
        platform=platform,
        search_path=os.environ.get("PATH"),
    )


def make_plan_of(path: Path, options: PlanOptions) -> Plan:
    """The plan of a folder or file."""
    from dagstead.build.planning import make_plan
    from dagstead.repository.files import read_project

    return make_plan(read_project(path), options)


def build_options(  # noqa: PLR0913 - options of a command
    *,
    output: Path,
    cache: Path | None,
    jobs: int | None,
    fail_fast: bool,
    no_load: bool,
    no_push: bool,
    build_arg: Sequence[str] | None,
    secret: Sequence[str] | None,
    no_cache: bool,
) -> BuildOptions:
    """From flags to options."""
    from dagstead.build.options import BuildOptions, DockerOptions

    arguments: dict[str, str | None] = {}
    for each in build_arg or ():
        name, equals, value = each.partition("=")
        arguments[name] = value if equals else None
    if output == OUTPUT:
        _make_output()
    return BuildOptions(
        output=output.absolute(),
        cache=(cache or default_cache()).absolute(),
        environment=dict(os.environ),
        jobs=jobs or os.cpu_count() or 1,
        fail_fast=fail_fast,
        load=not no_load,
        docker=DockerOptions(
            push=not no_push,
            arguments=arguments,
            secrets=tuple(secret or ()),
            cache=not no_cache,
        ),
    )


def _make_output() -> None:
    """Make the folder in the work tree, and have git leave it out."""
    try:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        (OUTPUT.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        msg = f"The folder {str(OUTPUT)!r} cannot be made here: {error.strerror}."
        raise InvalidInputError(msg) from error


def default_cache() -> Path:
    """Where programs of this person keep what can be made again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dagstead"


def _strategy(text: str) -> Strategy:
    try:
        return Strategy(text)
    except ValueError as error:
        msg = f"--strategy: {text!r} is none of {', '.join(Strategy)}."
        raise InvalidInputError(msg) from error


def _pairs(flag: str, given: Sequence[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals or not name or not value:
            msg = f"{flag} {each!r} is not of the form LOCATION=…."
            raise InvalidInputError(msg)
        pairs.append((name, value))
    return pairs
