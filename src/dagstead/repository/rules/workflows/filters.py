"""DW12x: path filters against the files of locations."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dagstead.model.location import Location
from dagstead.model.nodes import Node
from dagstead.model.source import Position, SourceText
from dagstead.repository.changes.filter_paths import defining_files
from dagstead.repository.ci.action_steps import COMPARING
from dagstead.repository.ci.globs import matched_by
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.model import Event, PathFilter, Workflow
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.references import reference
from dagstead.repository.ci.triggers import starts_on, trigger_for
from dagstead.repository.files.yaml_reader import read_yaml
from dagstead.repository.rules.base import (
    Severity,
    Violation,
    workflow_evidence_rule,
    workflow_rule,
)
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import (
    also_in,
    deploying_workflows,
    has_its_file,
    named,
    once,
)

#: What these patterns and those of GitHub do not mean alike, and references of dorny/paths-filter.
_OTHER_FORM = re.compile(r"^[!&*]|[{}()?+@$]")
_LINE = re.compile(r"\S+")
_FILES = {
    **locations(ETL),
    "etl/requirements.txt": "-e ../shared\n",
    "shared/setup.py": "# shared\n",
}


def _filtered(*paths: str) -> str:
    listed = "".join(f'      - "{each}"\n' for each in paths)
    return workflow(*SERVERLESS, on=f"  push:\n    branches: [main]\n    paths:\n{listed}")


_ALL = ("etl/**", "shared/**", "dagster_cloud.yaml", WORKFLOW)
_GOOD = {**_FILES, WORKFLOW: _filtered(*_ALL)}


@workflow_rule(
    "DW120",
    "filter-without-files",
    severity=Severity.WARNING,
    reason="""
        A pattern of `paths` matches whole paths from the root of the repository: `etl` is a file,
        and everything below a folder is `etl/**`. One that matches no file never starts anything.
        """,
    bad={**_FILES, WORKFLOW: _filtered(*_ALL, "elt/**")},
    good=_GOOD,
)
def filter_without_files(inspection: Inspection) -> Iterator[Violation]:
    """Every pattern of a path filter matches a file."""
    for each in deploying_workflows(inspection):
        found: dict[str, list[Position]] = defaultdict(list)
        for pattern, position in (*_of_triggers(each.workflow), *_of_steps(each.workflow)):
            found[pattern].append(position)
        for pattern, places in found.items():
            if not matched_by(pattern, inspection.paths):
                yield Violation(
                    position=places[0],
                    message=f"{pattern!r} matches no file of the repository{also_in(places)}",
                    instead=_meant(pattern, inspection.paths),
                )


def _of_triggers(each: Workflow) -> Iterator[tuple[str, Position]]:
    for trigger in each.triggers:
        if trigger.paths is None or trigger.paths.ignores:
            continue
        patterns = [node.text for node in trigger.paths.patterns]
        for node in trigger.paths.patterns:
            pattern = node.text or ""
            # A folder beside all that is in it does no harm: it may be a submodule.
            if not pattern.startswith("!") and f"{pattern}/**" not in patterns:
                yield pattern, node.position


def _of_steps(each: Workflow) -> Iterator[tuple[str, Position]]:
    """The patterns of actions that compare commits, as far as they have the same form."""
    for job in each.jobs:
        for step in job.steps:
            found = step.uses and reference(step.uses.text or "")
            if not found or not COMPARING.fullmatch(found.name):
                continue
            for name in ("filters", "files_yaml", "files"):
                node = step.input(name)
                yield from () if node is None else _patterns_in(node)


def _patterns_in(node: Node) -> Iterator[tuple[str, Position]]:
    """The patterns in a text that is YAML or a list of lines."""
    text = node.text or ""
    root = read_yaml(SourceText(file=node.source.file, text=text)).root
    leaves = [] if root is None or not root.entries else list(root.walk())
    keys = {id(entry.key) for each in leaves for entry in each.entries}
    for each in leaves:
        if each.text and id(each) not in keys and not _OTHER_FORM.search(each.text):
            yield each.text, place(node, each.start, each.end)
    for found in _LINE.finditer("" if leaves else text):
        if not _OTHER_FORM.search(found[0]):
            yield found[0], place(node, found.start(), found.end())


@workflow_evidence_rule(
    "DW121",
    "filter-misses-files",
    reason="""
        A change of files that a location is made from does not start the workflow that deploys it:
        the location keeps running what it was before. Besides its own folder these are its
        Dockerfile and what that copies, path dependencies, and shared lock files.
        """,
    bad={**_FILES, WORKFLOW: _filtered("etl/**", "dagster_cloud.yaml", WORKFLOW)},
    good=_GOOD,
)
def filter_misses_files(evidence: Evidence) -> Iterator[Violation]:
    """A path filter has everything that its locations are made from."""
    return once(_misses(evidence, is_configuration=False))


@workflow_evidence_rule(
    "DW122",
    "filter-misses-configuration",
    severity=Severity.WARNING,
    reason="""
        A new queue, registry or container context of a location is deployed only when something
        else changes, too.
        """,
    bad={**_FILES, WORKFLOW: _filtered("etl/**", "shared/**", WORKFLOW)},
    good=_GOOD,
)
def filter_misses_configuration(evidence: Evidence) -> Iterator[Violation]:
    """A path filter has the files that configure its locations."""
    return once(_misses(evidence, is_configuration=True))


@workflow_rule(
    "DW123",
    "filter-misses-itself",
    severity=Severity.WARNING,
    reason="""
        When the workflow is put right, nothing is deployed with it until something else changes.
        """,
    bad={**_FILES, WORKFLOW: _filtered("etl/**", "shared/**", "dagster_cloud.yaml")},
    good=_GOOD,
)
def filter_misses_itself(inspection: Inspection) -> Iterator[Violation]:
    """A path filter has the workflow itself."""
    for each in deploying_workflows(inspection):
        trigger = each.workflow.trigger("push")
        if trigger is None or trigger.paths is None:
            continue
        files = {each.workflow.path, *(run.workflow.path for run in each.runs)}
        missed = sorted(path for path in files if not starts_on(trigger.paths, path))
        if missed:
            yield Violation(
                position=trigger.paths.node.position,
                message=f"a change of {', '.join(missed)} does not start this workflow",
                instead=_advice(trigger.paths, missed),
            )


def _misses(evidence: Evidence, *, is_configuration: bool) -> Iterator[Violation]:
    inspection = evidence.inspection
    missed: dict[tuple[str, Position], tuple[PathFilter, list[Location]]] = {}
    for location in inspection.project.locations:
        filters = [_filters(inspection, location, each) for each in (Event.PUSH, Event.CHANGE)]
        if not any(filters):
            continue
        defining = set(defining_files(location, inspection.prefix))
        watched = evidence.watched[location.name.value]
        paths = [path for path in watched if (path in defining) == is_configuration]
        seen: set[str] = set()
        for found in filter(None, filters):
            for path in paths:
                if path not in seen and not _is_seen(inspection, found, path):
                    seen.add(path)
                    known = missed.setdefault((path, found[0].node.position), (found[0], []))
                    known[1].append(location)
    for (path, _), (path_filter, made) in missed.items():
        yield _missed(path_filter, path, made)


def _filters(inspection: Inspection, location: Location, event: Event) -> Sequence[PathFilter]:
    """The filters of the workflows that deploy a location; none where one has no filter."""
    workflows = {
        each.inspected.workflow.path: each.inspected.workflow
        for each in inspection.deployers[location.name.value]
        if each.session.run.event is event and has_its_file(inspection, each.session)
    }
    triggers = (trigger_for(each, event) for each in workflows.values())
    filters = [None if each is None else each.paths for each in triggers]
    return [] if None in filters else [each for each in filters if each is not None]


def _is_seen(inspection: Inspection, filters: Sequence[PathFilter], path: str) -> bool:
    """Whether a change there may start one of the workflows; a folder is seen when a file is."""
    root = inspection.project.repository / path
    if root.is_dir():
        below = inspection.paths_below(path)
        return not below or any(starts_on(each, file) for each in filters for file in below)
    return not root.exists() or any(starts_on(each, path) for each in filters)


def _missed(path_filter: PathFilter, path: str, made: list[Location]) -> Violation:
    pattern = path if "." in posixpath.basename(path) else f"{path}/**"
    verb = "is" if len(made) == 1 else "are"
    return Violation(
        position=path_filter.node.position,
        message=f"a change of {path} does not deploy {named(made)}, which {verb} made from it",
        instead=_advice(path_filter, [pattern]),
    )


def _advice(path_filter: PathFilter, missed: Sequence[str]) -> str:
    paths = ", ".join(missed)
    return f"Take {paths} out of paths-ignore" if path_filter.ignores else f"Add {paths}"


def _meant(pattern: str, paths: Sequence[str]) -> str:
    folder = pattern.rstrip("/*")
    if any(each.startswith(f"{folder}/") for each in paths):
        return f"Write '{folder}/**' for everything below the folder"
    return "Write it as it is from the root of the repository, or take it out"
