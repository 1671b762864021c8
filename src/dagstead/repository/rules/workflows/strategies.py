"""DW13x: locations that are built in the way of another kind."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.location import Kind, Location
from dagstead.repository.ci.acts import SERVERLESS_WAYS, Act, ActKind, BuildMethod, Tool
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.sessions import Session
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    DEPLOY,
    ETL,
    SERVERLESS,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import named, once, sessions

_RECORD = call("ci set-build-output --location-name train --image-tag $GITHUB_SHA")


_GOOD_HYBRID = {**locations(TRAIN), WORKFLOW: workflow(BEGIN, _RECORD, DEPLOY)}
_EXECUTABLE = """\
uses: dagster-io/dagster-cloud-action/actions/build_deploy_python_executable@v1.13.7
with:
  dagster_cloud_file: dagster_cloud.yaml"""
_BUILDS = (ActKind.BUILD, ActKind.RECORD, ActKind.BUILD_AND_DEPLOY)


@workflow_rule(
    "DW130",
    "hybrid-built-as-serverless",
    reason="""
        `build.registry` says that an image of this location is built for an agent of yours. A PEX
        file, or an image in the control plane's own registry, cannot be run by that agent.

        Builders for serverless locations never read `build.registry`. Without an `agent_queue` it
        is a warning, as the serverless agent may run what they build. Nothing is said about dg with
        `--agent-type=serverless`, for that says it.
        """,
    bad={**locations(TRAIN), WORKFLOW: workflow(_EXECUTABLE)},
    good=_GOOD_HYBRID,
)
def hybrid_built_as_serverless(inspection: Inspection) -> Iterator[Violation]:
    """A hybrid location is built as an image for its registry."""
    return once(_as_serverless(inspection))


def _as_serverless(inspection: Inspection) -> Iterator[Violation]:
    for act, built in _built(inspection, Kind.HYBRID):
        if act.strategy not in SERVERLESS_WAYS or _is_ignored_registry(act) or act.tool is Tool.DG:
            continue
        is_pex = act.strategy is BuildMethod.PEX
        what = "a PEX file" if is_pex else "an image for the managed pool"
        for those, severity in _by_queue(built):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' builds {what} of {named(those)}, "
                "and build.registry asks for an image there",
                instead="Push an image there and call 'ci set-build-output'; "
                "or remove build.registry if the location is serverless",
                severity=severity,
            )


@workflow_rule(
    "DW131",
    "image-of-serverless",
    reason="""
        `ci set-build-output` makes the name of an image from `build.registry`, and fails where that
        is not written. The same do the actions for hybrid locations.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(
            BEGIN, call("ci set-build-output --location-name etl --image-tag $GITHUB_SHA"), DEPLOY
        ),
    },
    good={**locations(ETL), WORKFLOW: workflow(*SERVERLESS)},
)
def image_of_serverless(inspection: Inspection) -> Iterator[Violation]:
    """A location whose image is recorded has a registry."""
    return once(_as_image(inspection))


def _as_image(inspection: Inspection) -> Iterator[Violation]:
    for act, built in _built(inspection, Kind.SERVERLESS):
        if act.strategy is BuildMethod.IMAGE:
            yield Violation(
                position=act.position,
                message=f"'{act.by}' names the image of {named(built)}, "
                "and there is no build.registry",
                instead="Write build.registry if it is hybrid; "
                "otherwise build it with 'ci build --build-strategy python-executable'",
            )


@workflow_rule(
    "DW132",
    "registry-ignored",
    reason="""
        `ci build --build-strategy=docker` pushes images to the registry that the control plane
        names. `build.registry` is only used by `ci set-build-output`: the agent of a hybrid
        location would have to pull from a registry that it may not know.

        Without an `agent_queue` it is a warning, as the serverless agent may run the image.
        """,
    bad={
        **locations(TRAIN),
        WORKFLOW: workflow(BEGIN, call("ci build --build-strategy=docker"), DEPLOY),
    },
    good=_GOOD_HYBRID,
)
def registry_ignored(inspection: Inspection) -> Iterator[Violation]:
    """The image of a hybrid location goes to its registry."""
    return once(_ignored(inspection))


def _ignored(inspection: Inspection) -> Iterator[Violation]:
    for act, built in _built(inspection, Kind.HYBRID):
        for those, severity in _by_queue(built) if _is_ignored_registry(act) else ():
            yield Violation(
                position=act.position,
                message=f"'{act.by}' does not push {named(those)} to build.registry",
                instead="Push its image with docker and call 'ci set-build-output'; "
                "or remove build.registry if it is serverless",
                severity=severity,
            )


def _by_queue(built: list[Location]) -> Iterator[tuple[list[Location], Severity | None]]:
    """Locations of which another agent than the serverless one runs, and the others.

    The serverless agent serves the default queue: those there may run as they are built.
    """
    queued = [each for each in built if each.queue_name is not None]
    others = [each for each in built if each.queue_name is None]
    yield from (
        (those, severity)
        for those, severity in ((queued, None), (others, Severity.WARNING))
        if those
    )


def _built(inspection: Inspection, kind: Kind) -> Iterator[tuple[Act, list[Location]]]:
    """The acts that build locations of a kind, with those."""
    for _, session in sessions(inspection):
        found: dict[int, tuple[Act, list[Location]]] = {}
        for location in session.universe:
            for act in session.acts_on(location, _BUILDS) if location.kind is kind else ():
                found.setdefault(id(act), (act, []))[1].append(location)
        yield from found.values()


def is_of_another_kind(session: Session, act: Act) -> bool:
    """Whether an act certainly builds a location in the way of another kind."""
    wrong = {BuildMethod.IMAGE: Kind.SERVERLESS, **dict.fromkeys(SERVERLESS_WAYS, Kind.HYBRID)}
    kind = None if act.strategy is None else wrong.get(act.strategy)
    return any(
        each.kind is kind and session.selects(each) and act.chosen.has(each.name.value)
        for each in session.universe
    )


def _is_ignored_registry(act: Act) -> bool:
    return act.by == "ci build" and act.strategy is BuildMethod.SERVERLESS_IMAGE
