"""DW11x: locations and workflows that miss each other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.words import nearest
from dagstead.repository.ci.acts import Act
from dagstead.repository.ci.calls import includes_others
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.patterns import Shape
from dagstead.repository.ci.sessions import Session, in_repository
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.commands import unknown_calls
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    BUILD,
    CI_INIT,
    DEPLOY,
    ETL,
    SERVERLESS,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import (
    acts,
    deploying_workflows,
    is_whole,
    named,
    once,
    sessions,
)

_OTHER = ETL.replace("name: etl", "name: reports")
_GOOD = {**locations(ETL), WORKFLOW: workflow(*SERVERLESS)}
_ONLY_ETL = f"uses: {CI_INIT}\nwith:\n  project_dir: .\n  location_names: '[\"etl\"]'"
#: Options with which a location needs no configuration file.
_CODE = frozenset(
    {"--module-name", "--package-name", "--python-file", "--autoload-defs-module-name"}
)


@workflow_rule(
    "DW110",
    "location-not-deployed",
    reason="""
        Some workflow deploys, but none deploys this location to a full deployment: what is changed
        in it never runs. Only what is known counts: a workflow that chooses its locations while it
        runs may deploy this one, too.

        One that is deployed to branch deployments is a warning: something else may deploy it to
        full deployments.
        """,
    bad={**locations(ETL, _OTHER), WORKFLOW: workflow(_ONLY_ETL, BUILD, DEPLOY)},
    good={**locations(ETL, _OTHER), WORKFLOW: workflow(*SERVERLESS)},
)
def location_not_deployed(inspection: Inspection) -> Iterator[Violation]:
    """Every location is deployed by a workflow."""
    # A call that fails was meant to do something.
    tries = any(deploying_workflows(inspection)) or any(unknown_calls(inspection))
    if not tries or _is_broken(inspection):
        return
    for location in inspection.project.locations:
        known = inspection.deployers[location.name.value]
        is_full = any(each.session.run.event in {Event.PUSH, Event.OTHER} for each in known)
        if is_full or _is_deployed_from_elsewhere(inspection, location):
            continue
        branch = any(each.session.run.event is Event.CHANGE for each in known)
        where = "only to branch deployments" if branch else "by no workflow"
        yield Violation(
            position=location.position,
            message=f"{location.name.value} is deployed {where}",
            instead="Add it to the locations of a workflow, or take it out of the configuration",
            severity=Severity.WARNING if branch else None,
        )


def _is_deployed_from_elsewhere(inspection: Inspection, location: Location) -> bool:
    """Whether a file outside of the project may have the location, too."""
    prefix = "" if inspection.prefix == "." else f"{inspection.prefix}/"
    return any(
        session.file is not None
        and not session.file.startswith(prefix)
        and any(each.chosen.has(location.name.value) is not False for each in session.deploys_of)
        for _, session in sessions(inspection, Event.PUSH, Event.OTHER)
    )


def _is_broken(inspection: Inspection) -> bool:
    """Whether a workflow cannot do what it is meant to; other rules say why."""
    unclear = {Shape.OTHER, Shape.INVALID}
    return any(
        each.verdict.shape in unclear or includes_others(each.workflow)
        for each in inspection.workflows
    ) or any(_missing(inspection))


@workflow_rule(
    "DW111",
    "unknown-location",
    reason="""
        A workflow that names a location which the configuration does not have fails when it comes
        to that step, and what stands behind it is not deployed.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(BEGIN, BUILD, call("ci deploy --location-name elt"), call("ci deploy")),
    },
    good=_GOOD,
)
def unknown_location(inspection: Inspection) -> Iterator[Violation]:
    """A workflow names locations that exist."""
    return once(_unknown(inspection))


def _unknown(inspection: Inspection) -> Iterator[Violation]:
    for _, session in sessions(inspection):
        known = _known(inspection, session)
        for act in (session.begin, *session.acts):
            if act is None or known is None or _CODE & set(act.options):
                continue
            for name in act.chosen.names:
                if name not in known:
                    near = nearest(name, known)
                    yield Violation(
                        position=act.position,
                        message=f"'{act.by}' names {name!r}, and there is no such location",
                        instead=f"Did you mean {near!r}?"
                        if near
                        else f"The locations are {', '.join(sorted(known)) or 'none'}",
                    )


def _known(inspection: Inspection, session: Session) -> set[str] | None:
    """The names that a session can name, ``None`` where they cannot be known."""
    project = inspection.project
    if session.file is None:
        every = {each.name.value for each in project.definitions}
        return every if every and is_whole(project) else None
    if not session.universe:
        return None
    return {each.name.value for each in session.universe}


@workflow_rule(
    "DW112",
    "missing-configuration",
    reason="""
        The step that reads a `dagster_cloud.yaml` fails when there is none at that path. A path is
        relative to the folder of the project, and that to the checkout.
        """,
    bad={
        "apps/dagster_cloud.yaml": "locations:\n" + ETL,
        "apps/etl/setup.py": "# etl\n",
        WORKFLOW: workflow(*SERVERLESS),
    },
    good={
        "apps/dagster_cloud.yaml": "locations:\n" + ETL,
        "apps/etl/setup.py": "# etl\n",
        WORKFLOW: workflow(f"uses: {CI_INIT}\nwith:\n  project_dir: apps", BUILD, DEPLOY),
    },
)
def missing_configuration(inspection: Inspection) -> Iterator[Violation]:
    """The configuration file that a workflow names exists."""
    return once(_missing(inspection))


def _missing(inspection: Inspection) -> Iterator[Violation]:
    root = inspection.project.repository
    for inspected, run, act in acts(inspection):
        if (
            act.file is None
            or run.is_opaque
            or (root / act.file).exists()
            or _is_made(inspected, act.file)
        ):
            continue
        there = [
            in_repository(inspection.prefix, each.path)
            for each in inspection.project.files_of(Family.CLOUD)
        ]
        yield Violation(
            position=act.position,
            message=f"'{act.by}' reads {act.file}, and there is no such file",
            instead=f"Name {' or '.join(there[:3])}" if there else "Write it, or name another",
        )


def _is_made(inspected: InspectedWorkflow, file: str) -> bool:
    """Whether a step may write it before."""
    name = re.escape(posixpath.basename(file))
    writing = re.compile(rf"(?:>|\btee\b|\bcp\b|\bmv\b|-o)\s[^\n]*{name}")
    return writing.search(inspected.workflow.source.text) is not None


@workflow_rule(
    "DW113",
    "deployed-without-build",
    reason="""
        `ci deploy` stops when a location of the session was not built, and deploys none of them.
        A serverless location is built with `ci build`; for a hybrid one an image is pushed, and
        `ci set-build-output` records it in the session.
        """,
    bad={**locations(TRAIN), WORKFLOW: workflow(BEGIN, DEPLOY)},
    good={
        **locations(TRAIN),
        WORKFLOW: workflow(
            BEGIN,
            "run: docker buildx build --push --tag registry.example.com/train:$GITHUB_SHA train",
            call("ci set-build-output --location-name train --image-tag $GITHUB_SHA"),
            DEPLOY,
        ),
    },
)
def deployed_without_build(inspection: Inspection) -> Iterator[Violation]:
    """Every location of a session is built before the session is deployed."""
    return once(_unbuilt(inspection))


def _unbuilt(inspection: Inspection) -> Iterator[Violation]:
    for _, session in sessions(inspection):
        if session.begin is None or session.file is None or session.run.is_opaque:
            continue
        for act in session.deploys_of:
            missing = [each for each in session.universe if _is_unbuilt(session, act, each)]
            if missing:
                yield Violation(
                    position=act.position,
                    message=f"'{act.by}' stops: nothing before it builds {named(missing)}",
                    instead=_how(missing),
                )


def _is_unbuilt(session: Session, act: Act, location: Location) -> bool:
    chosen = session.selects(location) and act.chosen.has(location.name.value)
    return chosen is True and session.builds(location) is False


def _how(missing: list[Location]) -> str:
    kinds = {each.kind for each in missing}
    if kinds == {Kind.SERVERLESS}:
        return "Call 'ci build --build-strategy python-executable' before"
    if kinds == {Kind.PREBUILT}:
        return "Deploy it with 'workspace add-location': a session deploys what it has built"
    return "Push the image of each hybrid one and call 'ci set-build-output' before"
