"""Ways through an inspection that several rules take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from dagstead.model.location import Location
from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Workflow
from dagstead.repository.ci.patterns import DEPLOYING_SHAPES
from dagstead.repository.ci.sessions import Session
from dagstead.repository.files import Project
from dagstead.repository.rules.base import Violation

URL = "DAGSTER_CLOUD_URL"
ORGANIZATION = "DAGSTER_CLOUD_ORGANIZATION"

_DAGSTER_PLUS = ("dagster.cloud", "dagster.plus")


def deploying_workflows(inspection: Inspection) -> Iterator[InspectedWorkflow]:
    """Workflows that deploy, whether certainly or not."""
    return (each for each in inspection.workflows if each.verdict.shape in DEPLOYING_SHAPES)


def concerned(inspection: Inspection) -> Iterator[Workflow]:
    """Workflows that do something about Dagster, and those that they call."""
    found: dict[str, Workflow] = {}
    for each in inspection.workflows:
        if any(run.acts for run in each.runs) or each.verdict.shape in DEPLOYING_SHAPES:
            found[each.workflow.path] = each.workflow
            found.update({run.workflow.path: run.workflow for run in each.runs})
    yield from found.values()


def acts(inspection: Inspection, *events: Event) -> Iterator[tuple[InspectedWorkflow, JobRun, Act]]:
    """Every act of every workflow that is not only called."""
    for each in inspection.workflows:
        if not each.workflow.is_only_called:
            for run, act in each.acts(*events):
                yield each, run, act


def sessions(inspection: Inspection, *events: Event) -> Iterator[tuple[InspectedWorkflow, Session]]:
    """Every session of every workflow that is not only called."""
    for each in inspection.workflows:
        if not each.workflow.is_only_called:
            for session in each.sessions:
                if not events or session.run.event in events:
                    yield each, session


def has_its_file(inspection: Inspection, session: Session) -> bool:
    """Whether the file that a session begins with is there, as far as it is known which it is."""
    file = session.file
    return file is None or (inspection.project.repository / file).exists()


def once(found: Iterator[Violation]) -> Iterator[Violation]:
    """The same without repetitions: a step may run for several events and entries."""
    return iter(dict.fromkeys(found))


def also_in(places: Sequence[Position]) -> str:
    """The lines of all places but the first, as the end of a clause: one fault is one finding."""
    lines = [str(each.line) for each in places[1:]]
    return f" (also line{'s' * (len(lines) > 1)} {', '.join(lines)})" if lines else ""


def names_other_control_plane(env: Mapping[str, str | None]) -> bool:
    """Whether DAGSTER_CLOUD_URL is set to something that is not certainly Dagster+."""
    if URL not in env:
        return False
    url = env[URL]
    return url is None or (bool(url) and not is_dagster_plus(url))


def is_dagster_plus(url: str) -> bool:
    """Whether an address is one of Dagster+."""
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        return False
    return any(host == each or host.endswith(f".{each}") for each in _DAGSTER_PLUS)


def named(locations: list[Location]) -> str:
    """The names of locations, for a sentence."""
    return ", ".join(dict.fromkeys(each.name.value for each in locations))


def is_whole(project: Project) -> bool:
    """Whether the project is all of its repository."""
    return project.root == project.repository
