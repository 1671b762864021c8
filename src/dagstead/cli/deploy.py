"""``dagstead deploy``: plan, build, upload and release."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dagstead.cli import steps
from dagstead.cli.following import finish, follow
from dagstead.cli.options.build import DeployBuildFlags, PlanFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.release import ReleaseFlags
from dagstead.cli.options.source import DeployedFlags
from dagstead.cli.options.target import BranchTargetFlags
from dagstead.cli.output import Format, FormatOption, say
from dagstead.cli.tracing import tracer_of
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.build.manifest import Manifest
    from dagstead.build.model import BuildPlan, PlannedBuild
    from dagstead.build.results import BuildResult
    from dagstead.client.connection import Connection, ServerAddress
    from dagstead.client.releases import Release, Releases


@grouped
def deploy(
    *,
    source: DeployedFlags,
    target: BranchTargetFlags,
    release: ReleaseFlags,
    planning: PlanFlags,
    building: DeployBuildFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Build every code location in the way that fits it, and release them together.

    They go live together or not at all. If one of them does not load, all go back to what was live
    before, and the command prints the error of its code and exits with 1.

    For example:

    `dagstead deploy` deploys all locations of the current folder

    `dagstead deploy --changed` deploys what differs from what is live

    `dagstead deploy --location etl --no-atomic --deployment staging` deploys one location

    `dagstead deploy --branch-deployment` deploys a pull request; `--close` closes its deployment

    `dagstead deploy --built out` deploys what `dagstead build --output out` has built
    """
    tracer = tracer_of(os.environ)
    with tracer.during("dagstead deploy"), _connect(target, source.path) as connection:
        connection.traced = tracer.current
        with tracer.during("build"):
            manifest = _manifest(connection, source, planning, building)
        with tracer.during("upload"):
            _upload(connection, manifest)
        with tracer.during("release"):
            begun = _release(connection, manifest, atomic=not release.no_atomic, prune=source.prune)
        with tracer.during("load", release=begun.number):
            ended = follow(_releases(connection), begun, release)
    finish(ended, format_, connection.target.deployment)


def _manifest(
    connection: Connection, source: DeployedFlags, planning: PlanFlags, building: DeployBuildFlags
) -> Manifest:
    """What is to be deployed, once the server admits it."""
    if source.built is None:
        plan = _narrow(steps.plan(steps.read(source), source, planning), source, connection)
        _admit(connection, plan.builds)
        plan, options = steps.with_registry(
            plan, building.options(), lambda: nullcontext(connection)
        )
        return steps.build(plan, options)
    manifest = _built(source.built, source.location)
    _admit(connection, manifest.built)
    return manifest


def _releases(connection: Connection) -> Releases:
    from dagstead.client.releases import Releases

    return Releases(connection)


def _connect(flags: BranchTargetFlags, path: Path) -> Connection:
    """Connect to the chosen deployment; creates that of a branch, or closes it and exits."""
    from dagstead.client.connection import Connection

    target = flags.target()
    if flags.branch or flags.close:
        name = _branch_deployment(path, target, close=flags.close)
        if flags.close:
            say(f"Closed branch deployment {name}.")
            raise typer.Exit
        say(f"Branch deployment {name}", err=True)
        target = replace(target, deployment=name)
    return Connection(target)


def _branch_deployment(path: Path, target: ServerAddress, *, close: bool) -> str:
    from dagstead.client.branches import branch_of, deployment_of
    from dagstead.client.connection import Connection

    folder = path.absolute()
    branch = branch_of(folder.parent if folder.is_file() else folder, os.environ)
    # Not at the address of the base: a branch deployment is created beside it.
    with Connection(replace(target, deployment=None)) as connection:
        status = None if not close else (branch.pull_request_status or "CLOSED")
        if status == "OPEN":
            status = "CLOSED"
        return deployment_of(connection, branch, base=target.deployment, status=status)


def _narrow(plan: BuildPlan, source: DeployedFlags, connection: Connection) -> BuildPlan:
    """The part that has changed, if only that was asked for; exits if nothing has."""
    narrowed = steps.narrow(plan, source, _releases(connection).deployed)
    is_narrowed = source.changed or source.since is not None
    if is_narrowed and not narrowed.builds:
        say("Nothing has changed: there is nothing to deploy.", err=True)
        raise typer.Exit
    return narrowed


def _admit(connection: Connection, locations: Sequence[PlannedBuild | BuildResult]) -> None:
    """Refuse, before anything is built, locations that no agent would load."""
    from dagstead.build.model import Strategy
    from dagstead.errors import RefusedError

    queues = {location.location: location.queue for location in locations}
    pythons = {each.location: each.python for each in locations if each.python is not None}
    images = [each.location for each in locations if each.strategy is Strategy.DOCKER]
    refused = _releases(connection).unserved(queues, pythons, images)
    if refused:
        raise RefusedError("\n".join(refused))


def _built(folder: Path, names: Sequence[str] | None) -> Manifest:
    """What was built earlier; only the named locations, if any are named."""
    from dagstead.build.manifest import read_manifest

    manifest = read_manifest(folder)
    if not names:
        return manifest
    there = {built.location for built in manifest.built}
    missing = [name for name in names if name not in there]
    if missing:
        msg = f"Not built: {', '.join(missing)}. Built: {', '.join(sorted(there)) or 'nothing'}."
        raise InvalidInputError(msg)
    return replace(manifest, built=tuple(b for b in manifest.built if b.location in names))


def _upload(connection: Connection, manifest: Manifest) -> None:
    from dagstead.build.results import PexFiles
    from dagstead.client.uploads import Uploads

    files = [
        path
        for built in manifest.built
        if isinstance(built.result, PexFiles)
        for path in built.result.paths
    ]
    Uploads(connection).send(files, _print_upload)


def _print_upload(file: Path) -> None:
    megabytes = file.stat().st_size / 1e6
    say(f"uploading {file.name} ({megabytes:.1f} MB)", err=True)


def _release(connection: Connection, manifest: Manifest, *, atomic: bool, prune: bool) -> Release:

    commit = manifest.commit
    if commit is not None and commit.is_dirty:
        # Not recorded as its commit: `--changed` would then consider it up to date.
        say(
            "note: there are uncommitted changes, so no commit is recorded",
            err=True,
        )
        commit = None
    return _releases(connection).create(
        [built.document(commit) for built in manifest.built],
        atomic=atomic,
        remove_others=prune,
        commit_hash=None if commit is None else commit.hash,
        url=None if commit is None else commit.url,
    )
