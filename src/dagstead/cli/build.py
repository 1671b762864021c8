"""``dagstead build``: build everything in a plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dagstead.cli import steps
from dagstead.cli.options.build import OutputBuildFlags, PlanFlags, ShowDockerfileOption
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.source import SinceFlags
from dagstead.cli.options.target import TargetFlags
from dagstead.cli.output import Format, FormatOption, print_json, print_rows
from dagstead.cli.plan import print_dockerfiles

if TYPE_CHECKING:
    from dagstead.build.manifest import Manifest
    from dagstead.build.model import BuildPlan
    from dagstead.build.options import BuildOptions
    from dagstead.build.results import BuildResult
    from dagstead.client.connection import Connection


@grouped
def build(
    *,
    source: SinceFlags,
    target: TargetFlags,
    planning: PlanFlags,
    show_dockerfile: ShowDockerfileOption = False,
    building: OutputBuildFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Build every code location in the way that fits it: PEX files, images, or nothing.

    A location that fails does not stop the others; the command then exits with 1. PEX files are
    loaded once, as the control plane's pool will load them. Images are pushed, and recorded by
    their digest. Only for images of serverless locations, which go to the control plane's own
    registry, a server is asked.

    For example:

    `dagstead build` builds all locations of the current folder

    `dagstead build --location etl --python 3.12` builds one location

    `dagstead build --image etl=registry.example.com/etl:v7` uses an image that was built elsewhere

    `dagstead build --output out --format json | jq -r '.locations[].pex.tag'` prints the PEX tags
    """
    planned = steps.plan(steps.read(source), source, planning)
    planned = steps.since(planned, source.path, source.since)
    if show_dockerfile:
        print_dockerfiles(planned)
    else:
        planned, options = steps.with_registry(
            planned, building.options(building.output), partial(_connect, target)
        )
        _print(_build(planned, options), format_)


def _connect(target: TargetFlags) -> Connection:
    from dagstead.client.connection import Connection

    return Connection(target.target())


def _build(planned: BuildPlan, options: BuildOptions) -> Manifest:
    from dagstead.build.manifest import NAME, write_manifest

    # Otherwise the manifest of an earlier build could be deployed after this one failed.
    (options.output / NAME).unlink(missing_ok=True)
    manifest = steps.build(planned, options)
    write_manifest(options.output, manifest)
    return manifest


def _print(manifest: Manifest, format_: Format) -> None:
    if format_ is Format.JSON:
        print_json(manifest.as_json())
        return
    print_rows([_row(each) for each in manifest.built], format_, empty="Nothing was built.")


def _row(built: BuildResult) -> dict[str, Any]:
    from dagstead.build.results import Image, NoArtifact, PexFiles

    what: str | None
    match built.result:
        case PexFiles() as files:
            what = files.tag.removeprefix("files=").replace(":", " ")
        case Image() as image:
            what = image.reference
        case NoArtifact():
            what = None
    return {
        "location": built.location,
        "strategy": str(built.strategy),
        "queue": built.queue,
        "built": what,
    }
