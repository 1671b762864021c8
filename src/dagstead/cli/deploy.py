"""``dagstead deploy``: plan, build, upload and release, in one go."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli import building as shared
from dagstead.cli.narrowing import changed_only, since_only
from dagstead.cli.output import Format, FormatOption, print_rows
from dagstead.cli.where import DeploymentOption, UrlOption, target_of
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.build.manifest import Manifest
    from dagstead.build.model import Plan
    from dagstead.build.options import BuildOptions
    from dagstead.client.connection import Connection
    from dagstead.client.releases import Release

_WHAT = "What is deployed"
_HOW = "How it goes live"

LimitOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        help="Seconds to load; then everything goes back. The deployment's own if left out.",
        min=1,
        rich_help_panel=_HOW,
        show_default=False,
    ),
]
DetachOption = Annotated[
    bool,
    typer.Option(
        "--detach/--wait",
        help="End when the release has begun; `dagstead releases show` tells the rest.",
        rich_help_panel=_HOW,
    ),
]


def deploy(  # noqa: PLR0913 - options of a command
    path: shared.PathArgument = shared.HERE,
    *,
    location: shared.LocationOption = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Only what differs from what is live, as the control plane knows it.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REV",
            help="Only what has changed since this commit.",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None,
    built: Annotated[
        Path | None,
        typer.Option(
            "--built",
            help="What `dagstead build --output` left here; nothing is built.",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove the deployment's locations that the repository lacks.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    url: UrlOption = None,
    deployment: DeploymentOption = None,
    branch: Annotated[
        bool,
        typer.Option(
            "--branch-deployment",
            help="Deploy to the branch deployment of the pull request or branch; it is made.",
            rich_help_panel="Where the control plane is",
        ),
    ] = False,
    close: Annotated[
        bool,
        typer.Option(
            "--close",
            help="Close the branch deployment; nothing is built.",
            rich_help_panel="Where the control plane is",
        ),
    ] = False,
    no_atomic: Annotated[
        bool,
        typer.Option(
            "--no-atomic",
            help="Let what loads go live, whatever becomes of the others.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    detach: DetachOption = False,
    timeout: LimitOption = None,
    strategy: shared.StrategyOption = None,
    image: shared.ImageOption = None,
    dockerfile: shared.DockerfileOption = None,
    python: shared.PythonOption = None,
    platform: shared.PlatformOption = None,
    cache: shared.CacheOption = None,
    jobs: shared.JobsOption = None,
    no_load: shared.NoLoadOption = False,
    build_arg: shared.BuildArgOption = None,
    secret: shared.SecretOption = None,
    no_cache: shared.NoCacheOption = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Build every code location in the way that fits it, and let them go live together.

    A release is all its locations at one commit. When one of them does not load, all serve what
    was live before, the command prints the error of the code and ends with 1.

    For example:

    `dagstead deploy` deploys all locations of the current folder

    `dagstead deploy --changed` deploys what differs from what is live

    `dagstead deploy --location etl --no-atomic --deployment staging` deploys one

    `dagstead deploy --branch-deployment` deploys a pull request; `--close` ends that

    `dagstead deploy --built out` deploys what `dagstead build --output out` has built
    """
    from dagstead.client.connection import Connection

    target = target_of(url, deployment)
    if branch or close:
        name = _branch_deployment(path, target, base=target.deployment, close=close)
        if close:
            print(f"Closed branch deployment {name}.")
            return
        target = replace(target, deployment=name)
        typer.echo(f"Branch deployment {name}", err=True)
    with Connection(target) as connection:
        if built is not None:
            from dagstead.build.manifest import read_manifest

            manifest = _some(read_manifest(built), location)
            _admit(connection, {each.location: each.queue for each in manifest.built})
        else:
            options = shared.plan_options(
                location=location,
                strategy=strategy,
                image=image,
                dockerfile=dockerfile,
                python=python,
                platform=platform,
            )
            plan = shared.make_plan_of(path, options)
            if changed or since:
                plan = (
                    since_only(plan, path, since) if since else changed_only(plan, path, connection)
                )
                if not plan.builds:
                    typer.echo("Nothing has changed: there is nothing to deploy.", err=True)
                    return
            _admit(connection, {each.location: each.queue for each in plan.builds})
            manifest = _build(
                plan,
                shared.build_options(
                    output=shared.OUTPUT,
                    cache=cache,
                    jobs=jobs,
                    fail_fast=True,
                    no_load=no_load,
                    no_push=False,
                    build_arg=build_arg,
                    secret=secret,
                    no_cache=no_cache,
                ),
            )
        begun = _begin(connection, manifest, atomic=not no_atomic, prune=prune)
        if detach:
            print(begun.number)
            return
        ended = follow(connection, begun, timeout)
    finish(ended, format_, target.deployment)


def follow(connection: Connection, begun: Release, timeout: float | None) -> Release:
    """Show a release until it ends."""
    from dagstead.cli.following import following
    from dagstead.client.following import Following
    from dagstead.client.releases import Releases

    if begun.reason:
        typer.echo(f"warning: {begun.reason}", err=True)
    with following() as told:
        return Following(releases=Releases(connection), told=told, timeout=timeout).until_ended(
            begun
        )


def finish(ended: Release, format_: Format, deployment: str | None) -> None:
    """Print how a release ended; exit with 1 when it is not live."""
    from dagstead.cli.following import errors_of, step_of

    for error in errors_of(ended):
        print(f"\n{error}", file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {
            "location": each.location,
            "queue": each.queue,
            "state": each.state,
            "release": ended.number,
            "now": step_of(each),
        }
        for each in ended.parts
    ]
    print_rows(rows, format_, empty="The release has no locations.")
    where = f" of {deployment}" if deployment else ""
    if ended.state == "live":
        took = (ended.ended_at or time.time()) - ended.created_at
        typer.echo(f"Release {ended.number}{where} is live ({took:.0f} s).", err=True)
        return
    reason = f": {ended.reason}" if ended.reason else "."
    typer.echo(f"Release {ended.number}{where} is {ended.state}{reason}", err=True)
    raise typer.Exit(1)


def _branch_deployment(path: Path, target: Any, *, base: str | None, close: bool) -> str:
    from dagstead.client.branches import branch_of, deployment_of
    from dagstead.client.connection import Connection

    folder = path.absolute()
    branch = branch_of(folder.parent if folder.is_file() else folder, os.environ)
    # Not of the base's address: a branch deployment is made beside it.
    with Connection(replace(target, deployment=None)) as connection:
        status = None if not close else (branch.pull_request_status or "CLOSED")
        if status == "OPEN":
            status = "CLOSED"
        return deployment_of(connection, branch, base=base, status=status)


def _admit(connection: Connection, queues: dict[str, str | None]) -> None:
    """End before anything is built when nobody would load it."""
    from dagstead.client.releases import Releases
    from dagstead.errors import RefusedError

    refused = Releases(connection).unserved(queues)
    if refused:
        raise RefusedError("\n".join(refused))


def _build(plan: Plan, options: BuildOptions) -> Manifest:
    from dagstead.build.building import build as build_all
    from dagstead.build.manifest import Manifest
    from dagstead.cli.progress import progress

    with progress() as on_event:
        return Manifest(built=build_all(plan, options, on_event), commit=plan.commit)


def _some(manifest: Manifest, names: Sequence[str] | None) -> Manifest:
    if not names:
        return manifest
    there = {each.location for each in manifest.built}
    missing = [name for name in names if name not in there]
    if missing:
        msg = f"{', '.join(missing)} was not built. There is: {', '.join(sorted(there)) or 'none'}."
        raise InvalidInputError(msg)
    return replace(manifest, built=tuple(each for each in manifest.built if each.location in names))


def _begin(connection: Connection, manifest: Manifest, *, atomic: bool, prune: bool) -> Release:
    from dagstead.build.results import PexFiles
    from dagstead.client.releases import Releases
    from dagstead.client.uploads import Uploads

    files = [
        path
        for each in manifest.built
        if isinstance(each.result, PexFiles)
        for path in each.result.paths
    ]

    def told(file: Path) -> None:
        megabytes = file.stat().st_size / 1e6
        typer.echo(f"uploading {file.name} ({megabytes:.1f} MB)", err=True)

    Uploads(connection).send(files, told)
    commit = manifest.commit
    if commit is not None and commit.is_dirty:
        # What differs from its commit must not pass for it: `--changed` would leave it in place.
        typer.echo("note: the work tree differs from its commit, so none is recorded", err=True)
        commit = None
    return Releases(connection).create(
        [each.document(commit) for each in manifest.built],
        atomic=atomic,
        remove_others=prune,
        commit_hash=None if commit is None else commit.hash,
        url=None if commit is None else commit.url,
    )
