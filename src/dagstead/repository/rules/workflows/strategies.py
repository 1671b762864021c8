"""DW13x: locations that are built in the way of another kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.location import Kind, Location
from dagstead.repository.ci.action_steps import image_name
from dagstead.repository.ci.acts import Act, ActKind, BuildMethod
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.sessions import Session
from dagstead.repository.rules.base import Violation, workflow_rule
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


def _pushed(name: str) -> str:
    tag = f"registry.example.com/{name}:${{{{ github.sha }}}}"
    return f"uses: docker/build-push-action@v6\nwith:\n  push: true\n  tags: {tag}"


_GOOD_HYBRID = {**locations(TRAIN), WORKFLOW: workflow(BEGIN, _RECORD, DEPLOY)}
_EXECUTABLE = """\
uses: dagster-io/dagster-cloud-action/actions/build_deploy_python_executable@v1.13.7
with:
  dagster_cloud_file: dagster_cloud.yaml"""
#: A push that is no step of its own.
_BY_SCRIPT = re.compile(
    r"\b(?:docker|podman|buildah|kaniko|crane|skopeo|buildx|oras)\b|gcloud builds|az acr"
)
_BUILDS = (ActKind.BUILD, ActKind.RECORD, ActKind.BUILD_AND_DEPLOY)
_SERVERLESS = frozenset({BuildMethod.PEX, BuildMethod.SERVERLESS_IMAGE})


@workflow_rule(
    "DW130",
    "hybrid-built-as-serverless",
    reason="""
        `build.registry` says that an image of this location is built for an agent of yours. A PEX
        file, or an image in the control plane's own registry, cannot be run by that agent.
        """,
    bad={**locations(TRAIN), WORKFLOW: workflow(_EXECUTABLE)},
    good=_GOOD_HYBRID,
)
def hybrid_built_as_serverless(inspection: Inspection) -> Iterator[Violation]:
    """A hybrid location is built as an image for its registry."""
    return once(_as_serverless(inspection))


def _as_serverless(inspection: Inspection) -> Iterator[Violation]:
    for act, names in _built(inspection, Kind.HYBRID):
        if act.strategy not in _SERVERLESS or _is_ignored_registry(act):
            continue
        what = "PEX" if act.strategy is BuildMethod.PEX else "an image for the managed pool"
        yield Violation(
            position=act.position,
            message=f"'{act.by}' builds {names} as {what}, and build.registry makes that hybrid",
            instead="Push its image to build.registry and call 'ci set-build-output'; "
            "or remove build.registry if it is serverless",
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
    for act, names in _built(inspection, Kind.SERVERLESS):
        if act.strategy is BuildMethod.IMAGE:
            yield Violation(
                position=act.position,
                message=f"'{act.by}' names the image of {names}, and there is no build.registry",
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
    for act, names in _built(inspection, Kind.HYBRID):
        if _is_ignored_registry(act):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' does not push {names} to build.registry",
                instead="Push its image with docker and call 'ci set-build-output'",
            )


@workflow_rule(
    "DW133",
    "image-pushed-elsewhere",
    reason="""
        `ci set-build-output` makes the name of the image from `build.registry` and the tag that it
        is given. When no step pushes an image of that name, the agent finds none, and the location
        does not load.
        """,
    bad={**locations(TRAIN), WORKFLOW: workflow(BEGIN, _pushed("other"), _RECORD, DEPLOY)},
    good={**locations(TRAIN), WORKFLOW: workflow(BEGIN, _pushed("train"), _RECORD, DEPLOY)},
)
def image_pushed_elsewhere(inspection: Inspection) -> Iterator[Violation]:
    """The image that a session records is pushed to the registry that it names."""
    return once(_elsewhere(inspection))


def _elsewhere(inspection: Inspection) -> Iterator[Violation]:
    known: dict[tuple[str, Event], set[str]] = {}
    for inspected, session in sessions(inspection):
        key = (inspected.workflow.path, session.run.event)
        if key not in known:
            known[key] = _images(inspected, session.run.event)
        pushed = known[key]
        for location in session.universe if pushed else ():
            registry = None if location.registry is None else location.registry.value
            if not registry or "$" in registry or _plain(image_name(registry)) in pushed:
                continue
            for act in session.acts_on(location, [ActKind.RECORD]):
                yield Violation(
                    position=act.position,
                    message=f"the image of {location.name.value} is to be in {registry}, "
                    f"and images are pushed to {', '.join(sorted(pushed))}",
                    instead="Push it to build.registry, or write there where it is pushed",
                )


def _images(inspected: InspectedWorkflow, event: Event) -> set[str]:
    """The names of the images that a workflow pushes; none where one is not known."""
    images: set[str] = set()
    for _, act in inspected.acts(event):
        if act.does is ActKind.PUSH and act.images is None:
            return set()
        images |= {_plain(each) for each in act.images or ()}
    by_script = any(_pushes_by_script(run) for run in inspected.runs if run.event is event)
    return set() if not images or by_script else images


def _pushes_by_script(run: JobRun) -> bool:
    scripts = (each.run.text or "" for each in run.job.steps if each.run is not None)
    return run.is_opaque or any(_BY_SCRIPT.search(each) for each in scripts)


def _plain(image: str) -> str:
    return image.lower().removeprefix("docker.io/").removeprefix("index.docker.io/")


def _built(inspection: Inspection, kind: Kind) -> Iterator[tuple[Act, str]]:
    """The acts that build locations of a kind, with the names of those."""
    for _, session in sessions(inspection):
        found: dict[int, tuple[Act, list[Location]]] = {}
        for location in session.universe:
            for act in session.acts_on(location, _BUILDS) if location.kind is kind else ():
                found.setdefault(id(act), (act, []))[1].append(location)
        yield from ((act, named(those)) for act, those in found.values())


def is_of_another_kind(session: Session, act: Act) -> bool:
    """Whether an act certainly builds a location in the way of another kind."""
    wrong = {BuildMethod.IMAGE: Kind.SERVERLESS, **dict.fromkeys(_SERVERLESS, Kind.HYBRID)}
    kind = None if act.strategy is None else wrong.get(act.strategy)
    return any(
        each.kind is kind and session.selects(each) and act.chosen.has(each.name.value)
        for each in session.universe
    )


def _is_ignored_registry(act: Act) -> bool:
    return act.by == "ci build" and act.strategy is BuildMethod.SERVERLESS_IMAGE
