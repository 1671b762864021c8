"""Which workflow files build which locations, and the folders that they give Docker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from dagstead.model.families import Family
from dagstead.repository.changes import Additions, Edge, Files, Hop, Subtree
from dagstead.repository.ci.calls import local_files
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection, inspect
from dagstead.repository.files import Project
from dagstead.repository.files.families import family_of


def known_from_workflows(project: Project, files: Files) -> Additions:
    """The workflow files that build every location, what they call, and their build contexts.

    A workflow about Dagster may build every location when it is unknown what it does.
    """
    inspection = inspect(project, files)
    edges: dict[str, list[Edge]] = defaultdict(list)
    contexts: dict[str, list[str]] = defaultdict(list)
    for inspected in inspection.workflows:
        names = _built(inspection, inspected)
        for name in names:
            edges[name] += _edges(inspected)
        for dockerfile, context in _contexts(inspected) if names else ():
            if context not in contexts[dockerfile]:
                contexts[dockerfile].append(context)
    return Additions(edges=edges, contexts=contexts)


def _built(inspection: Inspection, inspected: InspectedWorkflow) -> Iterable[str]:
    locations = inspection.project.locations
    if _is_followed_from_callers(inspection, inspected):
        return ()
    if _is_unclear(inspected):
        return [each.name.value for each in locations]
    found: dict[str, None] = {}
    for session in inspected.sessions:
        for each in session.candidates(locations):
            if session.builds(each) is not False or session.deploys(each) is not False:
                found[each.name.value] = None
    return found


def _is_followed_from_callers(inspection: Inspection, inspected: InspectedWorkflow) -> bool:
    """Whether it only runs for workflows of the repository, which say what it is to build."""
    workflow = inspected.workflow
    return workflow.is_only_called and any(
        run.workflow is workflow
        for other in inspection.workflows
        if other is not inspected
        for run in other.runs
    )


def _is_unclear(inspected: InspectedWorkflow) -> bool:
    """Whether it is about Dagster, and nothing of what it does to locations can be seen."""
    workflow = inspected.workflow
    opaque = workflow.problem is not None or any(run.is_opaque for run in inspected.runs)
    about_dagster = family_of(workflow.path, workflow.source.text) is Family.WORKFLOW
    return opaque and about_dagster and not inspected.sessions


def _edges(inspected: InspectedWorkflow) -> Iterator[Edge]:
    path = inspected.workflow.path
    yield Edge(to=Subtree(path=path), hop=Hop(file=path, what="(a workflow that builds it)"))
    workflows = {run.workflow.path: run.workflow for run in inspected.runs}
    for workflow in {path: inspected.workflow, **workflows}.values():
        for written, called in local_files(workflow):
            hop = Hop(file=workflow.path, what=f"calls {written}")
            yield Edge(to=Subtree(path=called), hop=hop)


def _contexts(inspected: InspectedWorkflow) -> Iterator[tuple[str, str]]:
    for run in inspected.runs:
        for each in run.images:
            if each.dockerfile is not None and each.context is not None:
                yield each.dockerfile, each.context
