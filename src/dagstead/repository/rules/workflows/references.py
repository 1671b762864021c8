"""DW14x: actions, commands and runners that do not exist, are old, or move."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.model.source import Position
from dagstead.model.words import nearest
from dagstead.repository.ci.acts import Act, ActKind, BuildMethod, Tool
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Job
from dagstead.repository.ci.pins import RUNNER, official_action
from dagstead.repository.ci.project_folders import folder_mismatches
from dagstead.repository.ci.provider import Provider
from dagstead.repository.ci.references import (
    HEEDS_URL,
    OFFICIAL,
    PARTS,
    RETIRED,
    Reference,
    reference,
)
from dagstead.repository.ci.steps import rest_of_line
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    BUILD,
    CI_INIT,
    DEPLOY,
    ETL,
    SERVERLESS,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import (
    acts,
    also_in,
    concerned,
    names_other_control_plane,
    once,
)

_GOOD = {**locations(ETL), WORKFLOW: workflow(*SERVERLESS)}
_OWN_URL = "env:\n  DAGSTER_CLOUD_URL: https://dagster.example.com\n"
_OLD_INIT = f"uses: {CI_INIT.replace('v1.13.7', 'v1.11.9')}\nwith:\n  project_dir: ."
_MOVING = call("ci deploy").replace("v1.13.7", "dg-v0.1")
_RETIRED_RUNNERS = frozenset(
    {"macos-10.15", "macos-11", "macos-12", "macos-13", "ubuntu-16.04", "ubuntu-18.04"}
    | {"ubuntu-20.04", "windows-2016", "windows-2019"}
)
_OF_ONE_LOCATION = frozenset(
    {"actions/hybrid_branch_deploy", "actions/hybrid_prod_deploy"}
    | {"actions/serverless_branch_deploy", "actions/serverless_prod_deploy"}
)
#: What the official action builds PEX files on without Docker.
_RUNNER_FOR_PEX = "ubuntu-22.04"
_PINNED = re.compile(r"dagster-cloud(?:-cli)?\s*==\s*(\d+\.\d+\.\d+)")
#: Works as before, and will be removed.
_DEPRECATED = "ci check"


@workflow_rule(
    "DW140",
    "unknown-action",
    reason="""
        CI refuses a job that uses an action which does not exist, before its first step.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(f"uses: {OFFICIAL}/actions/serverless_prod_deployment@v1.13.7"),
    },
    good=_GOOD,
)
def unknown_action(inspection: Inspection) -> Iterator[Violation]:
    """A part of the official action that is used exists."""
    places: dict[tuple[str, str], list[Position]] = defaultdict(list)
    for node, found in _references(inspection):
        if found.is_official and found.part not in PARTS:
            places[node.source.file, found.part.removeprefix(OFFICIAL)].append(node.position)
    for (_, part), found_at in places.items():
        near = nearest(part, PARTS)
        yield Violation(
            position=found_at[0],
            message=f"the official action has no {part or 'root'}{also_in(found_at)}",
            instead=f"Did you mean {near!r}?" if near else "Use one of its parts, such as ci-init",
        )


@workflow_rule(
    "DW147",
    "missing-location",
    reason="""
        The actions that build an image and deploy it read their input `location` as JSON: the name,
        folder, registry and file of one location. Without it the first step that does so fails.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(f"uses: {OFFICIAL}/actions/serverless_prod_deploy@v1.13.7"),
    },
    good=_GOOD,
)
def missing_location(inspection: Inspection) -> Iterator[Violation]:
    """An action that deploys one location is given one."""
    jobs = (job for each in inspection.files.workflows for job in each.jobs)
    for step in (step for job in jobs for step in job.steps if step.uses is not None):
        found = step.uses and reference(step.uses.text or "")
        given = step.input("location")
        if step.uses and found and found.part in _OF_ONE_LOCATION and not (given and given.value):
            yield Violation(
                position=step.uses.position,
                message=f"{found.part.rpartition('/')[2]!r} is given no location, "
                "which it reads as JSON",
                instead="Add location: ${{ toJson(matrix.location) }} with a matrix of the "
                "build_info of parse_workspace, or begin with ci-init instead",
            )


@workflow_rule(
    "DW141",
    "retired-action",
    severity=Severity.WARNING,
    reason="""
        Such an action is no longer maintained. It speaks an old protocol, and control planes stop
        answering it one day.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow("uses: dagster-io/dagster-cloud-cicd-action/deploy@v0.2.1"),
    },
    good=_GOOD,
)
def retired_action(inspection: Inspection) -> Iterator[Violation]:
    """An action that deploys is still maintained."""
    for node, found in _references(inspection):
        for name, better in RETIRED.items():
            if found.name == name or found.name.startswith(f"{name}/"):
                yield Violation(
                    position=node.position,
                    message=f"{name} is no longer maintained",
                    instead=f"Use {better}",
                )


@workflow_rule(
    "DW142",
    "moving-action",
    severity=Severity.WARNING,
    reason="""
        A branch, or a tag such as `v0.1`, is moved with each release: the same workflow does
        something else next week, and whoever can move the tag can read the token.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(*SERVERLESS[:2], _MOVING)},
    good=_GOOD,
)
def moving_action(inspection: Inspection) -> Iterator[Violation]:
    """The official action is used at one version."""
    said = {each.position for each in _ignoring(inspection)}
    newest = official_action("ci-init")
    places: dict[tuple[str, str], list[Position]] = defaultdict(list)
    for node, found in _references(inspection):
        if found.is_official and found.moves and node.position not in said:
            places[node.source.file, found.ref].append(node.position)
    for (_, ref), found_at in places.items():
        yield Violation(
            position=found_at[0],
            message=f"{ref!r} of the official action moves with every release{also_in(found_at)}",
            instead=f"Name a commit or release, such as {newest.commit} ({newest.version})",
        )


@workflow_rule(
    "DW143",
    "retired-runner",
    reason="""
        GitHub has taken this machine out of service. Jobs that ask for it wait for a day and fail.
        On `ubuntu-22.04` the official action builds every PEX file without Docker, so that jobs
        which build one best move there. A job that no event starts is not reported.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(*SERVERLESS, job="    runs-on: ubuntu-20.04\n"),
    },
    good=_GOOD,
)
def retired_runner(inspection: Inspection) -> Iterator[Violation]:
    """A job runs on a machine that exists."""
    runs: dict[tuple[str, str], list[JobRun]] = defaultdict(list)
    for run in (run for each in inspection.workflows for run in each.runs):
        runs[run.workflow.path, run.job.name].append(run)
    for each in concerned(inspection):
        found: dict[str, list[Position]] = defaultdict(list)
        builds_pex = False
        for job in each.jobs if each.provider is Provider.GITHUB else ():
            started = runs[each.path, job.name]
            for node in _runners(job) if started else ():
                found[str(node.value)].append(node.position)
                builds_pex |= any(
                    act.strategy is BuildMethod.PEX for run in started for act in run.acts
                )
        for name, places in found.items():
            yield Violation(
                position=places[0],
                message=f"GitHub has retired {name}: this job never starts{also_in(places)}",
                instead=f"Write {_RUNNER_FOR_PEX if builds_pex else RUNNER}",
            )


@workflow_rule(
    "DW144",
    "action-ignores-url",
    severity=Severity.WARNING,
    reason="""
        Before v1.12.12, `ci init` calls `https://<organization>.dagster.cloud` and so does all that
        follows it, whatever `DAGSTER_CLOUD_URL` says. What the tag `v0.1` holds cannot be seen; it
        is old.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(_OLD_INIT, BUILD, DEPLOY, head=_OWN_URL)},
    good={**locations(ETL), WORKFLOW: workflow(*SERVERLESS, head=_OWN_URL)},
)
def action_ignores_url(inspection: Inspection) -> Iterator[Violation]:
    """A workflow for another control plane uses an action that calls it."""
    return once(_ignoring(inspection))


def _ignoring(inspection: Inspection) -> Iterator[Violation]:
    for _, run, act in acts(inspection):
        old = _old_command_line(run) if act.does is ActKind.BEGIN and act.tool is Tool.CLI else None
        if old and names_other_control_plane(act.env):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' of {old} ignores DAGSTER_CLOUD_URL, which is set here",
                instead=f"Install dagster-cloud-cli 1.12.12 or newer{_beside_it(inspection, run)}",
            )
        used = act.reference
        is_old = _begins_session(act) and used is not None and used.ignores_url
        if used is not None and is_old and names_other_control_plane(act.env):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' of {used.ref} ignores DAGSTER_CLOUD_URL, which is set here",
                instead=f"Use v1.12.12 or newer{_beside_it(inspection, run)}",
            )


@workflow_rule(
    "DW145",
    "deprecated-command",
    severity=Severity.WARNING,
    reason="""
        `ci check` will be removed from the official command line. It finds less than
        `dagstead check`, and its check of the connection calls dagster.cloud.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(call("ci check --project-dir ."), *SERVERLESS)},
    good={**locations(ETL), WORKFLOW: workflow("run: dagstead check", *SERVERLESS)},
)
def deprecated_command(inspection: Inspection) -> Iterator[Violation]:
    """A workflow calls commands that will remain."""
    return once(_deprecated(inspection))


def _deprecated(inspection: Inspection) -> Iterator[Violation]:
    for _, _, act in acts(inspection):
        if act.does is ActKind.CHECK and not calls_dagster_plus(act):
            yield Violation(
                position=act.position,
                message=f"'{_DEPRECATED}' is deprecated and will be removed",
                instead="Call 'dagstead check'; or 'dg plus deploy start', which checks, too",
            )


def calls_dagster_plus(act: Act) -> bool:
    """Whether the check of a connection goes to dagster.cloud, and not where it should."""
    skipped = act.options.get("--dagster-cloud-connect-check") == "skip"
    return not skipped and names_other_control_plane(act.env)


def _old_command_line(run: JobRun) -> str | None:
    """The version that a job installs, when it is an old one."""
    for step in run.job.steps:
        for found in _PINNED.finditer("" if step.run is None else (step.run.text or "")):
            if tuple(map(int, found[1].split("."))) < HEEDS_URL:
                return found[1]
    return None


def _beside_it(inspection: Inspection, run: JobRun) -> str:
    """What else a newer release needs, so that nothing stops working with it."""
    builds = [each.build for each in folder_mismatches(inspection) if each.run.job is run.job]
    if not builds:
        return ""
    lines = ", ".join(dict.fromkeys(str(each.position.line) for each in builds))
    return f", and call 'ci build' in line {lines} without 'cd' or working-directory before it"


def _begins_session(act: Act) -> bool:
    return act.by in {"ci init", "ci-init"} and act.tool is Tool.ACTION


def _references(inspection: Inspection) -> Iterator[tuple[Node, Reference]]:
    jobs = [job for each in inspection.files.workflows for job in each.jobs]
    parts = [job.steps for job in jobs]
    parts += [each.steps for each in inspection.files.actions.values()]
    nodes = [*(job.uses for job in jobs), *(step.uses for steps in parts for step in steps)]
    for node in nodes:
        found = node and node.text and reference(node.text, rest_of_line(node))
        if node and found:
            yield node, found


def _runners(job: Job) -> Iterator[Node]:
    """Where a job asks for a machine that GitHub had; who adds labels or a group has machines."""
    asked = job.node.get("runs-on")
    if asked is not None and len(asked.items) == 1:
        asked = asked.items[0]
    if asked is None or not asked.text:
        return
    nodes = job.matrix.walk() if job.matrix is not None and "matrix." in asked.text else [asked]
    yield from (node for node in nodes if node.value in _RETIRED_RUNNERS)
