"""Whole workflows of GitHub Actions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.repository.ci.pins import RUNNER
from dagstead.repository.ci.provider import FOLDER
from dagstead.repository.files.yaml_text import CommentedValue, Yaml
from dagstead.repository.workflows.expressions import expression, written
from dagstead.repository.workflows.github_steps import JobSteps, pushes_to_github
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.own_steps import OwnSteps
from dagstead.repository.workflows.plan import (
    PlannedLocation,
    PlannedSession,
    WorkflowPlan,
    needs_setuptools,
)
from dagstead.repository.workflows.scripts import Choice, file_of

_MINUTES = 60
_MINUTES_TO_CLOSE = 10

#: Secrets are not given to forks, and their code is not to be deployed.
_OWN = "github.event.pull_request.head.repo.full_name == github.repository"
_CLOSED = "github.event_name == 'pull_request' && github.event.action == 'closed'"

#: Secrets may be kept in environments, so that only the main branch has those of the full
#: deployment. GitHub makes an environment that is named and not there.
_BRANCH_ENVIRONMENT = "dagster-branch"

#: What the official command line wants of its environment, and our scripts around it.
_OFFICIAL_ENV: Mapping[str, Yaml] = {
    "DAGSTER_CLOUD_ORGANIZATION": expression("vars.DAGSTER_CLOUD_ORGANIZATION || 'dagstead'"),
    "IMAGE_TAG": "-".join(map(expression, ("github.sha", "github.run_id", "github.run_attempt"))),
}

_CHOICES: Mapping[Pattern, Choice] = {
    Pattern.PER_LOCATION: Choice.WRITTEN,
    Pattern.EVERYTHING: Choice.WRITTEN,
    Pattern.CHANGED: Choice.FILE,
    Pattern.ROUTED: Choice.FILE,
    Pattern.MATRIX: Choice.MATRIX,
}

_GLOB = re.compile(r"([\\*?+\[\]!])")

#: A path with one of these is taken for a file; a folder may well have a dot in its name.
_FILE_SUFFIXES = (".cfg", ".json", ".lock", ".py", ".toml", ".txt", ".yaml", ".yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Workflow:
    path: str
    title: str
    sessions: tuple[PlannedSession, ...]
    #: Globs that start it; without them it starts always.
    paths: tuple[str, ...] = ()


def github_workflows(plan: WorkflowPlan, options: Options) -> dict[str, dict[str, Yaml]]:
    """The documents, by their path relative to the root of the repository."""
    return {
        each.path: written(_document(each, options, plan)) for each in _workflows(plan, options)
    }


def _workflows(plan: WorkflowPlan, options: Options) -> Iterator[_Workflow]:
    if options.pattern is not Pattern.PER_LOCATION:
        path = f"{FOLDER}/dagster-deploy.yml"
        yield _Workflow(path=path, title="Deploy to Dagster", sessions=plan.sessions)
        return
    for session in plan.sessions:
        for target in session.targets:
            path = f"{FOLDER}/dagster-deploy-{target.slug}.yml"
            yield _Workflow(
                path=path,
                title=f"Deploy {target.name} to Dagster",
                sessions=(_only(session, target),),
                paths=tuple(_globs((*target.watched, path))),
            )


def _only(session: PlannedSession, target: PlannedLocation) -> PlannedSession:
    return PlannedSession(
        project_dir=session.project_dir,
        file=session.file,
        rendered=session.rendered,
        targets=(target,),
    )


def _globs(paths: Iterable[str]) -> Iterator[str]:
    """Patterns for files and for all below folders."""
    for path in paths:
        if path == ".":
            yield "**"
            return
        literal = _GLOB.sub(r"\\\1", path)
        yield literal
        if not path.endswith(_FILE_SUFFIXES):
            yield f"{literal}/**"


def _document(workflow: _Workflow, options: Options, plan: WorkflowPlan) -> dict[str, Yaml]:
    steps = _steps(workflow, options, plan)
    targets = [target for session in workflow.sessions for target in session.targets]
    cancel = (
        "Only a newer commit of the same pull request may cancel a deploy.",
        "On a branch the next one waits: it deploys everything that the waiting ones would.",
    )
    change = expression("github.event.pull_request.number || github.ref")
    group = f"{expression('github.workflow')}-{change}"
    return {
        "name": workflow.title,
        "on": _triggers(workflow, options),
        "permissions": {},
        "concurrency": {
            "group": CommentedValue(group, above=cancel),
            "cancel-in-progress": (
                expression("github.event_name == 'pull_request' && github.event.action != 'closed'")
            ),
        },
        "defaults": {"run": {"shell": "bash"}},
        "env": {
            "DAGSTER_CLOUD_URL": expression("vars.DAGSTER_CLOUD_URL"),
            "COMMIT": expression("github.event.pull_request.head.sha || github.sha"),
            **({} if options.tool is DeployTool.DAGSTEAD else _OFFICIAL_ENV),
        },
        "jobs": {
            "deploy": _deploy_job(steps, workflow.sessions, targets, options),
            "close": {
                "name": "Close the branch deployment",
                "if": f"{_CLOSED} && {_OWN}",
                "runs-on": RUNNER,
                "environment": _BRANCH_ENVIRONMENT,
                "timeout-minutes": _MINUTES_TO_CLOSE,
                "permissions": {"contents": "read"},
                "steps": steps.closing(),
            },
        },
    }


def _steps(workflow: _Workflow, options: Options, plan: WorkflowPlan) -> JobSteps | OwnSteps:
    if options.tool is DeployTool.DAGSTEAD:
        return OwnSteps(options=options, project_dir=plan.project_dir)
    return JobSteps(
        options=options,
        choice=_CHOICES[options.pattern],
        workflow=workflow.path,
        setuptools=needs_setuptools(plan, options),
    )


def _triggers(workflow: _Workflow, options: Options) -> dict[str, Yaml]:
    paths: dict[str, Yaml] = {"paths": list(workflow.paths)} if workflow.paths else {}
    return {
        "push": {"branches": [_GLOB.sub(r"\\\1", options.branch)], **paths},
        "pull_request": {"types": ["opened", "synchronize", "reopened", "closed"], **paths},
        "workflow_dispatch": None,
    }


def _deploy_job(
    steps: JobSteps | OwnSteps,
    sessions: tuple[PlannedSession, ...],
    targets: Sequence[PlannedLocation],
    options: Options,
) -> dict[str, Yaml]:
    permissions: dict[str, Yaml] = {"contents": "read"}
    if options.pattern is Pattern.CHANGED and options.tool is not DeployTool.DAGSTEAD:
        permissions["actions"] = CommentedValue(
            "read", behind="to find the last commit that was deployed"
        )
    if pushes_to_github(targets):
        permissions["packages"] = CommentedValue("write", behind="to push images")
    # A person may start it on any branch; and the end of a merged pull request has the main branch.
    main = _literal(f"refs/heads/{options.branch}")
    is_full = f"github.event_name != 'pull_request' && github.ref == {main}"
    is_branch = f"github.event_name == 'pull_request' && github.event.action != 'closed' && {_OWN}"
    full, branch = _literal(_environment(options)), _literal(_BRANCH_ENVIRONMENT)
    job: dict[str, Yaml] = {
        "name": "Deploy",
        "if": f"({is_full}) || ({is_branch})",
        "runs-on": RUNNER,
        "environment": expression(f"github.event_name == 'pull_request' && {branch} || {full}"),
        "timeout-minutes": _MINUTES,
        "permissions": permissions,
    }
    if options.pattern is Pattern.MATRIX:
        job["name"] = f"Deploy {expression('matrix.location')}"
        job["strategy"] = {
            "fail-fast": False,
            "matrix": {"include": _entries(sessions, options)},
        }
        job["env"] = {
            "LOCATION": expression("matrix.location"),
            "PROJECT_DIR": expression("matrix.project_dir"),
            "LOCATIONS_FILE": expression("matrix.file"),
            "DIRECTORY": expression("matrix.directory"),
            "REGISTRY": expression("matrix.registry"),
            "SLUG": expression("matrix.slug"),
        }
    return {**job, "steps": steps.of(sessions)}


def matrix_entries(
    sessions: Iterable[PlannedSession], *, with_lists: bool = False
) -> Iterator[dict[str, str]]:
    """What a job of a matrix gets to know about its location.

    ``with_lists`` adds its name as the official action takes it.
    """
    for session in sessions:
        for target in session.targets:
            entry = {
                "location": target.name,
                "kind": target.way,
                "project_dir": session.project_dir,
                "file": file_of(session),
                "directory": target.directory,
                "registry": target.registry,
                "slug": target.slug,
            }
            if with_lists:
                entry["locations"] = json.dumps([target.name])
            if session.rendered:
                entry["template"] = session.file
            yield entry


def _entries(sessions: Iterable[PlannedSession], options: Options) -> list[Yaml]:
    with_lists = options.tool is DeployTool.OFFICIAL_ACTION
    return [dict(each) for each in matrix_entries(sessions, with_lists=with_lists)]


def _environment(options: Options) -> str:
    return f"dagster-{options.deployment}"


def _literal(text: str) -> str:
    """A text in an expression of GitHub."""
    return "'" + text.replace("'", "''") + "'"
