"""``dagstead build``: everything of a plan, built in one go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli import building as shared
from dagstead.cli.narrowing import SinceOption, since_only
from dagstead.cli.output import Format, FormatOption, print_rows
from dagstead.cli.plan import print_dockerfiles

if TYPE_CHECKING:
    from dagstead.build.manifest import Manifest
    from dagstead.build.results import Built


def build(  # noqa: PLR0913 - options of a command
    path: shared.PathArgument = shared.HERE,
    *,
    location: shared.LocationOption = None,
    since: SinceOption = None,
    output: Annotated[
        Path, typer.Option("--output", help="Folder for PEX files and the manifest build.json.")
    ] = shared.OUTPUT,
    strategy: shared.StrategyOption = None,
    image: shared.ImageOption = None,
    dockerfile: shared.DockerfileOption = None,
    python: shared.PythonOption = None,
    platform: shared.PlatformOption = None,
    show_dockerfile: Annotated[
        bool,
        typer.Option("--show-dockerfile", help="Print generated Dockerfiles, and end."),
    ] = False,
    cache: shared.CacheOption = None,
    jobs: shared.JobsOption = None,
    fail_fast: shared.FailFastOption = False,
    no_load: shared.NoLoadOption = False,
    no_push: shared.NoPushOption = False,
    build_arg: shared.BuildArgOption = None,
    secret: shared.SecretOption = None,
    no_cache: shared.NoCacheOption = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Build every code location in the way that fits it: PEX files, images, or nothing.

    A failing location does not stop the others; the command then ends with 1. PEX files are loaded
    once, as the control plane's pool will load them. Images are pushed, and named by their digest.

    For example:

    `dagstead build` builds all locations of the current folder

    `dagstead build --location etl --python 3.12` builds one

    `dagstead build --image etl=registry.example.com/etl:v7` takes an image from elsewhere

    `dagstead build --output out --format json | jq -r '.locations[].pex.tag'` prints PEX tags
    """
    made = shared.make_plan_of(
        path,
        shared.plan_options(
            location=location,
            strategy=strategy,
            image=image,
            dockerfile=dockerfile,
            python=python,
            platform=platform,
        ),
    )
    if since is not None:
        made = since_only(made, path, since)
    if show_dockerfile:
        print_dockerfiles(made)
        return
    options = shared.build_options(
        output=output,
        cache=cache,
        jobs=jobs,
        fail_fast=fail_fast,
        no_load=no_load,
        no_push=no_push,
        build_arg=build_arg,
        secret=secret,
        no_cache=no_cache,
    )
    from dagstead.build.building import build as build_all
    from dagstead.build.manifest import NAME, Manifest, write_manifest
    from dagstead.cli.progress import progress

    # One of an earlier build would be deployed after this one has failed.
    (options.output / NAME).unlink(missing_ok=True)
    with progress() as on_event:
        built = build_all(made, options, on_event)
    manifest = Manifest(built=built, commit=made.commit)
    write_manifest(options.output, manifest)
    _print(manifest, format_)


def _print(manifest: Manifest, format_: Format) -> None:
    if format_ is Format.JSON:
        print(json.dumps(manifest.as_json(), indent=2))
        return
    print_rows([_row(each) for each in manifest.built], format_, empty="Nothing was built.")


def _row(built: Built) -> dict[str, Any]:
    from dagstead.build.results import Image, Nothing, PexFiles

    what: str | None
    match built.result:
        case PexFiles() as files:
            what = files.tag.removeprefix("files=").replace(":", " ")
        case Image() as image:
            what = image.reference
        case Nothing():
            what = None
    return {
        "location": built.location,
        "strategy": str(built.strategy),
        "queue": built.queue,
        "built": what,
    }
