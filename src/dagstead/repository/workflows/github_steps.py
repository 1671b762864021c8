"""The steps of a job on GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.model.location import Kind
from dagstead.repository.ci.pins import (
    CHECKOUT,
    DOCKER_BUILDX,
    DOCKER_LOGIN,
    SETUP_PYTHON,
    Action,
    official_action,
)
from dagstead.repository.files.yaml_text import CommentedValue, Yaml
from dagstead.repository.workflows import scripts
from dagstead.repository.workflows.expressions import expression
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.plan import (
    IMAGE,
    PlannedLocation,
    PlannedSession,
    preparations,
)
from dagstead.repository.workflows.scripts import Choice, Surroundings

Step = dict[str, Yaml]

_GITHUB_REGISTRY = "ghcr.io"
TOKEN: Mapping[str, Yaml] = {
    "DAGSTER_CLOUD_API_TOKEN": expression("secrets.DAGSTER_CLOUD_API_TOKEN")
}
_AROUND = Surroundings(
    git_arguments=(
        '--git-url "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/tree/$COMMIT"',
        '--commit-hash "$COMMIT"',
        '--status-url "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"',
    ),
    repository='"$GITHUB_REPOSITORY"',
    is_change='[ "$GITHUB_EVENT_NAME" = pull_request ]',
    is_manual='[ "$GITHUB_EVENT_NAME" = workflow_dispatch ]',
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSteps:
    """Makes the steps of a job that deploys sessions."""

    options: Options
    choice: Choice
    #: The workflow's own file, relative to the root of the repository.
    workflow: str
    #: Whether the Python of PEX files has to be given setuptools.
    setuptools: bool = False

    def of(self, sessions: tuple[PlannedSession, ...]) -> list[Yaml]:
        """All steps of a job."""
        whole = self.options.pattern is Pattern.CHANGED
        steps: list[Yaml] = [checkout(whole=whole), *self._tools(self._kinds(sessions))]
        images = [each for session in sessions for each in session.of_kind(Kind.HYBRID)]
        only = "matrix.kind == 'hybrid'" if self.choice is Choice.MATRIX else None
        steps += docker_steps(images, always=self.is_routed, only=only)
        steps += self._preparations(sessions)
        for number, session in enumerate(self._together(sessions), start=1):
            steps += _Session(job=self, session=session, number=number).steps()
        return steps

    def closing(self) -> list[Yaml]:
        """The steps of the job that closes a branch deployment."""
        return [
            checkout(whole=False),
            *self._python(()),
            {
                "name": "Close the branch deployment",
                "env": dict(TOKEN),
                "run": scripts.close_branch_deployment(),
            },
        ]

    @property
    def calls_action(self) -> bool:
        """Whether the official action stands for the command line."""
        return self.options.tool is DeployTool.OFFICIAL_ACTION

    def _kinds(self, sessions: tuple[PlannedSession, ...]) -> set[Kind]:
        if self.is_routed:
            return set(Kind)
        return {target.kind for session in sessions for target in session.targets}

    @property
    def is_routed(self) -> bool:
        """Whether the configuration that counts may be newer than this file."""
        return self.options.pattern is Pattern.ROUTED

    def _preparations(self, sessions: tuple[PlannedSession, ...]) -> Iterator[Step]:
        targets = (target for session in sessions for target in session.targets)
        for each, names in preparations(targets).items():
            condition: Step = {}
            if self.choice is Choice.MATRIX:
                listed = json.dumps(names).replace("'", "''")
                condition = {"if": f"contains(fromJSON('{listed}'), matrix.location)"}
            yield {"name": "Prepare the build", **condition, "run": scripts.prepare(each)}

    def _together(self, sessions: tuple[PlannedSession, ...]) -> tuple[PlannedSession, ...]:
        if self.choice is not Choice.MATRIX:
            return sessions
        # An entry of the matrix is one location of any of them.
        every = tuple(target for session in sessions for target in session.targets)
        rendered = any(session.rendered for session in sessions)
        return (PlannedSession(project_dir=".", file="", rendered=rendered, targets=every),)

    def _tools(self, kinds: Iterable[Kind]) -> Iterator[Step]:
        if self.calls_action:
            yield setup_python(self.options.python)
            if self.setuptools and Kind.SERVERLESS in kinds:
                yield {"name": "Install setuptools", "run": scripts.install_setuptools()}
        else:
            yield from self._python(kinds)

    def _python(self, kinds: Iterable[Kind]) -> Iterator[Step]:
        yield setup_python(self.options.python)
        script = scripts.install(kinds, setuptools=self.setuptools)
        yield {"name": "Install the command line", "run": script}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Session:
    job: JobSteps
    session: PlannedSession
    #: From 1: a job with several sessions keeps them apart.
    number: int

    def steps(self) -> Iterator[Yaml]:
        if self.session.rendered:
            yield self._render()
        yield from self._begin()
        if self._has(Kind.SERVERLESS):
            yield self._build()
        if self.session.images:
            yield self._serverless_images()
        if self._has(Kind.HYBRID):
            yield self._images()
        if self._has(Kind.SERVERLESS) or self.session.images or self._has(Kind.HYBRID):
            yield self._deploy()
        if self._has(Kind.PREBUILT):
            yield self._prebuilt()
        yield self._summary()

    def _begin(self) -> Iterator[Step]:
        if not self.job.calls_action:
            if self.job.choice is Choice.FILE:
                yield self._choose()
            yield self._init()
            return
        # What reads the configuration is a part of the action's command line, which begins first.
        if self.job.options.pattern is Pattern.CHANGED:
            yield self._choose()
        yield self._action_init()
        yield self._action_guard()
        if self.job.is_routed:
            yield self._choose()

    def _render(self) -> Step:
        if self.job.choice is Choice.MATRIX:
            script = (
                'dagster-cloud ci template --project-dir "$PROJECT_DIR" \\\n'
                '  --dagster-cloud-yaml-path "$TEMPLATE" > "$PROJECT_DIR/$LOCATIONS_FILE"'
            )
            return {
                "name": "Merge defaults and fill in templates",
                "if": "matrix.template != ''",
                "env": {"TEMPLATE": expression("matrix.template")},
                "run": script,
            }
        return {
            "name": "Merge defaults and fill in templates",
            "run": scripts.render(self.session),
        }

    def _choose(self) -> Step:
        head: Step = {"id": self._id("choose")}
        if self.job.is_routed:
            python = scripts.ACTION_PYTHON if self.job.calls_action else "python"
            script = scripts.route(self.session, python)
            env: dict[str, Yaml] = {"PLAN": self._plan}
            return {**head, "name": "Read the configuration", "env": env, "run": script}
        file = self.job.workflow.rpartition("/")[2]
        script = scripts.choose_changed(self.session, [self.job.workflow], file)
        if self.job.calls_action:
            script += scripts.pass_names()
        env = {
            "BASE_COMMIT": expression("github.event.pull_request.base.sha"),
            "GH_TOKEN": expression("github.token"),
            "GH_REPO": expression("github.repository"),
            "PLAN": self._plan,
        }
        return {**head, "name": "Choose what has changed", "env": env, "run": script}

    def _init(self) -> Step:
        script = scripts.init(self.session, self.job.options, self.job.choice, _AROUND)
        head = {"id": self._id("init"), "name": "Begin the session", **self._if()}
        return {**head, "env": self._env(TOKEN), "run": script}

    def _action_init(self) -> Step:
        inputs: dict[str, Yaml] = {
            "project_dir": self.session.project_dir,
            "dagster_cloud_yaml_path": scripts.file_of(self.session),
            "deployment": self.job.options.deployment,
        }
        if self.job.choice is Choice.WRITTEN:
            inputs["location_names"] = json.dumps([each.name for each in self.session.targets])
        elif self.job.options.pattern is Pattern.CHANGED:
            inputs["location_names"] = expression(f"steps.{self._id('choose')}.outputs.locations")
        elif self.job.choice is Choice.MATRIX:
            inputs |= {
                "project_dir": expression("matrix.project_dir"),
                "dagster_cloud_yaml_path": expression("matrix.file"),
                "location_names": expression("matrix.locations"),
            }
        return {
            "id": self._id("init"),
            "name": "Begin the session",
            **self._action_if(),
            "uses": uses(official_action("ci-init")),
            "env": dict(TOKEN),
            "with": inputs,
        }

    def _action_guard(self) -> Step:
        """The action does not ask for a branch deployment to be made, so look whether it was."""
        condition = "github.event_name == 'pull_request'"
        if self.job.options.pattern is Pattern.CHANGED:
            condition += f" && steps.{self._id('choose')}.outputs.any == 'true'"
        return self._run(
            "Look that a pull request has its branch deployment",
            scripts.refuse_full_deployment(),
            {"if": condition},
        )

    def _build(self) -> Step:
        script = scripts.build(self.session, self.job.options, self.job.choice, _AROUND)
        return self._run("Build PEX files", script, self._if(Kind.SERVERLESS))

    def _serverless_images(self) -> Step:
        script = scripts.build_images(self.session, self.job.options, self.job.choice)
        return self._run("Build images for the managed pool", script, self._if(IMAGE))

    def _images(self) -> Step:
        script = scripts.push_images(self.session, self.job.choice, _AROUND)
        return self._run("Build and push images", script, self._if(Kind.HYBRID))

    def _deploy(self) -> Step:
        script = scripts.deploy(self.session, self.job.choice)
        condition: str | None = None
        if self.job.choice is Choice.MATRIX and self._has(Kind.PREBUILT):
            condition = "matrix.kind != 'prebuilt'"
        if self.job.choice is Choice.FILE:
            outputs = f"steps.{self._id('choose')}.outputs"
            ways = (Kind.SERVERLESS, *((IMAGE,) if self.session.images else ()), Kind.HYBRID)
            condition = " || ".join(f"{outputs}.{each} == 'true'" for each in ways)
        return self._run("Deploy", script, {"if": condition} if condition else {})

    def _prebuilt(self) -> Step:
        script = scripts.add_prebuilt(self.session, self.job.choice)
        return self._run("Deploy what exists already", script, self._if(Kind.PREBUILT))

    def _summary(self) -> Step:
        script = 'dagster-cloud ci status --output-format markdown >> "$GITHUB_STEP_SUMMARY"'
        condition = f"!cancelled() && steps.{self._id('init')}.outcome == 'success'"
        return self._run("Summarize", script, {"if": expression(condition)})

    def _run(self, name: str, script: str, condition: Step) -> Step:
        """A step that calls the command line: the one installed, or the one of the action."""
        if self.job.calls_action:
            script = scripts.ACTION_COMMAND_LINE + script
        return {"name": name, **condition, "env": self._env(TOKEN), "run": script}

    def _has(self, kind: Kind) -> bool:
        return self.job.is_routed or bool(self.session.of_kind(kind))

    def _if(self, kind: str | None = None) -> Step:
        if self.job.choice is Choice.FILE:
            return {"if": f"steps.{self._id('choose')}.outputs.{kind or 'any'} == 'true'"}
        if self.job.choice is Choice.MATRIX and kind is not None:
            return {"if": f"matrix.kind == '{kind}'"}
        return {}

    def _action_if(self) -> Step:
        return {} if self.job.is_routed else self._if()

    def _id(self, name: str) -> str:
        return name if self.number == 1 else f"{name}-{self.number}"

    @property
    def _plan(self) -> str:
        return f"{expression('runner.temp')}/locations-{self.number}"

    def _env(self, more: Mapping[str, Yaml]) -> dict[str, Yaml]:
        env: dict[str, Yaml] = dict(more)
        if self.job.choice is Choice.FILE:
            env["PLAN"] = self._plan
        if not self.job.calls_action:
            # Two sessions in one folder would wipe each other.
            env["DAGSTER_BUILD_STATEDIR"] = f"{expression('runner.temp')}/session-{self.number}"
        return env


def checkout(*, whole: bool) -> Step:
    """Fetch the commit, or the whole history with it. No later step can use the job's token."""
    inputs: dict[str, Yaml] = {"ref": expression("env.COMMIT"), "persist-credentials": False}
    if whole:
        inputs["fetch-depth"] = 0
    return {"uses": uses(CHECKOUT), "with": inputs}


def setup_python(python: str) -> Step:
    """The Python that PEX files are built for."""
    return {"uses": uses(SETUP_PYTHON), "with": {"python-version": python}}


def docker_steps(
    images: Sequence[PlannedLocation], *, always: bool, only: str | None
) -> Iterator[Step]:
    """A builder and the logins, when there are images or there may be.

    ``only`` is a condition for each of these steps.
    """
    condition: Step = {"if": only} if only else {}
    if images or always:
        yield {**condition, "uses": uses(DOCKER_BUILDX)}
    hosts = registry_hosts(images)
    for host in hosts:
        inputs = login_inputs(host, alone=len(hosts) == 1)
        yield {**condition, "uses": uses(DOCKER_LOGIN), "with": inputs}


def uses(action: Action) -> CommentedValue:
    """An action with its version as a comment."""
    return CommentedValue(action.reference, behind=action.version)


def registry_hosts(targets: Iterable[PlannedLocation]) -> list[str]:
    """The hosts that images are pushed to; Docker Hub is the empty text."""
    return list(dict.fromkeys(registry_host(each.registry) for each in targets))


def registry_host(registry: str) -> str:
    """The host in the name of an image; empty for Docker Hub, which needs none."""
    host, slash, _ = registry.partition("/")
    return host if slash and (set(host) & {".", ":"} or host == "localhost") else ""


def login_inputs(host: str, *, alone: bool) -> dict[str, Yaml]:
    """How to log in to a registry. GitHub's own needs no secret."""
    inputs: dict[str, Yaml] = {"registry": host} if host else {}
    if host == _GITHUB_REGISTRY:
        return inputs | {
            "username": expression("github.actor"),
            "password": expression("github.token"),
        }
    prefix = secret_prefix(host, alone=alone)
    return inputs | {
        "username": expression(f"secrets.{prefix}_USERNAME"),
        "password": expression(f"secrets.{prefix}_PASSWORD"),
    }


def secret_prefix(host: str, *, alone: bool) -> str:
    """How the secrets of a registry begin."""
    if alone:
        return "REGISTRY"
    return (
        "REGISTRY_"
        + "".join(
            each if each.isascii() and each.isalnum() else "_" for each in (host or "docker.io")
        ).upper()
    )


def pushes_to_github(targets: Iterable[PlannedLocation]) -> bool:
    """Whether the job needs the permission to write packages."""
    return _GITHUB_REGISTRY in registry_hosts(each for each in targets if each.registry)
