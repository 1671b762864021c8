"""The steps that ``plan``, ``build`` and ``deploy`` share: read, plan, narrow, build."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.cli.output import say
from dagstead.cli.reading import read_locations
from dagstead.errors import RefusedError

if TYPE_CHECKING:
    from dagstead.build.manifest import Manifest
    from dagstead.build.model import BuildPlan
    from dagstead.build.options import BuildOptions
    from dagstead.build.planning import Outline
    from dagstead.cli.options.build import PlanFlags
    from dagstead.cli.options.source import ChangedFlags, DeployedFlags, SourceFlags
    from dagstead.client.changed import ChangedLocation, LiveComparison
    from dagstead.client.connection import Connection
    from dagstead.client.releases import LiveLocation
    from dagstead.repository.files import Project

#: What images of serverless locations are called that are pushed nowhere.
_LOCAL = "dagstead-serverless"


def read(source: SourceFlags) -> Project:
    """Read the repository from disk.

    Raises:
        InvalidInputError: when it has no code locations.
    """
    return read_locations(source.path, source.location or ())


def plan(project: Project, source: SourceFlags, flags: PlanFlags) -> BuildPlan:
    """Plan how its locations are built."""
    from dagstead.build.planning import make_plan

    return make_plan(project, flags.options(source.location))


def outline(project: Project, source: SourceFlags, flags: PlanFlags) -> Outline:
    """The same, where one location that cannot be built hides no other."""
    from dagstead.build.planning import make_outline

    return make_outline(project, flags.options(source.location))


def narrow(
    planned: BuildPlan,
    source: ChangedFlags | DeployedFlags,
    live: Callable[[], Iterable[LiveLocation]],
) -> BuildPlan:
    """The part of a plan that has changed since a commit, or that differs from what is live.

    The reasons are printed on standard error. ``live`` is only called for the second.
    """
    if source.since is None and source.changed:
        return _only(planned, _comparing(planned, source.path).with_live(live()))
    return since(planned, source.path, source.since)


def since(planned: BuildPlan, path: Path, revision: str | None) -> BuildPlan:
    """The part of a plan that has changed since a commit; all of it without a commit."""
    if revision is None:
        return planned
    return _only(planned, _comparing(planned, path).since(revision))


def with_registry(
    planned: BuildPlan,
    options: BuildOptions,
    connect: Callable[[], AbstractContextManager[Connection]],
) -> tuple[BuildPlan, BuildOptions]:
    """A plan and options with the control plane's registry, where something goes there.

    Args:
        planned: what to build.
        options: how.
        connect: to the control plane; called only where it is needed.

    Raises:
        RefusedError: when it has none, naming what would go there.
    """
    needing = planned.needs_registry
    if not needing:
        return planned, options
    if not options.docker.push:
        return planned.with_registry(_LOCAL), options
    from dagstead.build.options import ImageLogin
    from dagstead.client.registry import Registry

    with connect() as connection:
        try:
            access = Registry(connection).access()
        except RefusedError as error:
            listed = ", ".join(f"--strategy {each.location}=pex" for each in needing)
            msg = f"{error.message} Now: {listed}."
            raise RefusedError(msg) from error
    login = ImageLogin(host=access.host, name=access.name, password=access.password)
    docker = replace(options.docker, login=login)
    return planned.with_registry(access.repository), replace(options, docker=docker)


def build(planned: BuildPlan, options: BuildOptions) -> Manifest:
    """Build everything in a plan, and show the progress on standard error.

    Raises:
        DagsteadError: when a location cannot be built.
    """
    from dagstead.build.manifest import Manifest
    from dagstead.build.session import build as build_all
    from dagstead.cli.progress import progress

    with progress() as on_event:
        return Manifest(built=build_all(planned, options, on_event), commit=planned.commit)


def _comparing(planned: BuildPlan, path: Path) -> LiveComparison:
    from functools import partial

    from dagstead.client.changed import LiveComparison
    from dagstead.repository.changes import find_changes
    from dagstead.repository.changes.workflow_files import known_from_workflows

    return LiveComparison(
        path=path,
        names=tuple(build.location for build in planned.builds),
        find=partial(find_changes, more_known=known_from_workflows),
    )


def _only(planned: BuildPlan, found: Iterable[ChangedLocation]) -> BuildPlan:
    names = set()
    for changed in found:
        names.add(changed.location)
        say(f"{changed.location}: {changed.reason}", err=True)
    builds = tuple(build for build in planned.builds if build.location in names)
    return replace(planned, builds=builds)
