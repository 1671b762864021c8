"""DS50x: deploy workflows and scripts that lose or mix up locations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.rules.base import Found, Severity, rule
from dagstead.repository.rules.visit import is_mixed, lines_of

_CAT = re.compile(r"\bcat\b[^\n|]*[*{][^\n|]*dagster[_-]cloud\.ya?ml[^\n|]*>")
_CI_BUILD = re.compile(r"\bci build\b(?!.*--location-name)")
_DG_DEPLOY = re.compile(
    r"\b(?:dg plus deploy|plus deploy build-and-push)\b(?! (?:start|finish|set|refresh))"
    r"(?!.*--location-name)"
)
_NOTIFY = re.compile(r"\bci notify\b")
_INIT = re.compile(r"/actions/utils/(?:ci-init|dg-deploy-init)@")
_DEPLOYS = re.compile(
    r"\bci (?:deploy|init)\b|dg-deploy-init|plus deploy|serverless_prod_deploy|hybrid_prod_deploy"
    r"|build_deploy_python_executable|/ci-init@"
)
_WORKFLOW_PATH = ".github/workflows/deploy.yaml"
_MIXED = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
      - location_name: train
        code_source:
          package_name: train
        build:
          directory: train
          registry: registry.example.com/train
        agent_queue: hybrid
    """


def _workflow(*commands: str, head: str = "") -> str:
    steps = "".join(f"\n      - {each}" for each in commands)
    return f"on: push\n{head}jobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:{steps}\n"


def _mixed(*commands: str) -> dict[str, str]:
    return {
        "dagster_cloud.yaml": _MIXED,
        "train/Dockerfile": "FROM python:3.12-slim\n",
        _WORKFLOW_PATH: _workflow(*commands),
    }


_INIT_STEP = "uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7"


@rule(
    "DS501",
    "one-strategy-for-all",
    severity=Severity.WARNING,
    reason="""
        `dagster-cloud ci build` takes one `--build-strategy` for all locations that it builds, and
        pushes images to the control plane's registry, whatever `build.registry` says. In a
        repository that mixes serverless and hybrid locations it builds some of them wrongly.
        """,
    bad=_mixed("run: dagster-cloud ci build --build-strategy=python-executable"),
    good=_mixed(
        "run: dagster-cloud ci build --build-strategy=python-executable --location-name=etl"
    ),
)
def one_strategy_for_all(project: Project) -> Iterator[Found]:
    """A mixed repository is built location by location."""
    if is_mixed(project):
        for file, start, end in _commands(project, _CI_BUILD):
            yield Found(
                position=file.source.position(start, end),
                message="'ci build' builds serverless and hybrid locations in one way",
                instead="Add --location-name for the locations of one kind; for a hybrid one build "
                "and push its image, then call 'ci set-build-output'",
            )


@rule(
    "DS502",
    "second-init-in-a-job",
    reason="""
        The state of a deploy is kept in a folder that is named after the run. A second `ci-init` in
        the same job empties it: what the first one selected and built is not deployed.
        """,
    bad={_WORKFLOW_PATH: _workflow(_INIT_STEP, _INIT_STEP)},
    good={_WORKFLOW_PATH: _workflow(_INIT_STEP)},
)
def second_init_in_a_job(project: Project) -> Iterator[Found]:
    """A job begins one deploy."""
    for job in _jobs(project):
        steps = job.get("steps")
        uses = [each.get("uses") for each in (() if steps is None else steps.items)]
        inits = [each for each in uses if each is not None and _INIT.search(each.text or "")]
        for each in inits[1:]:
            yield Found(
                position=each.position,
                message="this init empties the state of the one in line "
                f"{inits[0].position.line} of the same job",
                instead="Begin one deploy with all locations, or use one job for each",
            )


@rule(
    "DS503",
    "cancelled-deploy",
    severity=Severity.WARNING,
    reason="""
        With `cancel-in-progress` a push stops the deploy of the push before it. If the workflow
        deploys what changed since the last push, the locations of the stopped deploy are never
        deployed.
        """,
    bad={
        _WORKFLOW_PATH: _workflow(
            _INIT_STEP, head="concurrency:\n  group: deploy\n  cancel-in-progress: true\n"
        )
    },
    good={
        _WORKFLOW_PATH: _workflow(
            _INIT_STEP, head="concurrency:\n  group: deploy\n  cancel-in-progress: false\n"
        )
    },
)
def cancelled_deploy(project: Project) -> Iterator[Found]:
    """A deploy that has begun is finished."""
    for file in _deploying(project):
        root = file.root
        if root is None or not _runs_on_push(root):
            continue
        for holder in (root, *_jobs_of(root)):
            flag = holder.get("concurrency", "cancel-in-progress")
            if flag is not None and flag.value is True:
                yield Found(
                    position=flag.position,
                    message="a push cancels the deploy of the push before it",
                    instead="Write cancel-in-progress: "
                    "${{ github.event_name == 'pull_request' }}, or false",
                )


@rule(
    "DS504",
    "one-agent-type-for-all",
    severity=Severity.WARNING,
    reason="""
        `dg plus deploy` takes the agent type from the deployment, once for the whole session: in a
        mixed workspace every project is built as hybrid, or every one as serverless.
        """,
    bad=_mixed("run: dg plus deploy --yes"),
    good=_mixed("run: dg plus deploy --yes --agent-type serverless --location-name etl"),
)
def one_agent_type_for_all(project: Project) -> Iterator[Found]:
    """A mixed workspace is deployed once for each kind."""
    if is_mixed(project):
        for file, start, end in _commands(project, _DG_DEPLOY):
            yield Found(
                position=file.source.position(start, end),
                message="one agent type is used for serverless and hybrid locations",
                instead="Call it once for each kind, with --agent-type and --location-name",
            )


@rule(
    "DS505",
    "notify-outside-github",
    reason="""
        `dagster-cloud ci notify` writes to pull requests of GitHub. Everywhere else it fails, and
        the job with it.
        """,
    bad={".gitlab-ci.yml": "deploy:\n  script:\n    - dagster-cloud ci notify\n"},
    good={".gitlab-ci.yml": "deploy:\n  script:\n    - dagster-cloud ci status\n"},
)
def notify_outside_github(project: Project) -> Iterator[Found]:
    """`ci notify` runs on GitHub only."""
    for file, start, end in _commands(project, _NOTIFY):
        if file.path.endswith(".gitlab-ci.yml"):
            yield Found(
                position=file.source.position(start, end),
                message="'ci notify' works on GitHub only",
                instead="Use 'ci status'",
            )


@rule(
    "DS506",
    "files-joined-by-cat",
    reason="""
        Files that are joined with `cat` have several `locations` keys, and YAML readers drop all
        but the last. See DS201.
        """,
    bad={"join.sh": "cat */dagster_cloud.yaml > dagster_cloud.yaml\n"},
    good={"deploy.sh": "dagster-cloud ci init --dagster-cloud-yaml-path dagster_cloud.yaml\n"},
)
def files_joined_by_cat(project: Project) -> Iterator[Found]:
    """`dagster_cloud.yaml` files are not joined as text."""
    for file, start, end in _commands(project, _CAT):
        yield Found(
            position=file.source.position(start, end),
            message="the joined file keeps the locations of the last part only",
            instead="Keep one 'locations:' key and put every location below it",
        )


def _commands(project: Project, pattern: re.Pattern[str]) -> Iterator[tuple[ConfigFile, int, int]]:
    """Where a command is called; a command that goes on in the next line is one."""
    for file in project.files_of(Family.WORKFLOW, Family.TEXT):
        text = file.source.text
        if not pattern.search(text):
            continue
        for offset, line in lines_of(file):
            found = pattern.search(_whole(text, offset, line))
            if found and found.start() < len(line):
                yield file, offset + found.start(), offset + found.start() + len(found[0].strip())


def _whole(text: str, offset: int, line: str) -> str:
    end = offset + len(line)
    while text[offset:end].rstrip("\r\n").endswith("\\") and end < len(text):
        following = text.find("\n", end)
        end = len(text) if following < 0 else following + 1
    return re.sub(r"\\\r?\n", "  ", text[offset:end])


def _deploying(project: Project) -> Iterator[ConfigFile]:
    for file in project.files_of(Family.WORKFLOW):
        if _DEPLOYS.search(file.source.text):
            yield file


def _jobs(project: Project) -> Iterator[Node]:
    for file in project.files_of(Family.WORKFLOW):
        if file.root is not None:
            yield from _jobs_of(file.root)


def _jobs_of(root: Node) -> Iterator[Node]:
    jobs = root.get("jobs")
    return (each.value for each in (() if jobs is None else jobs.entries))


def _runs_on_push(root: Node) -> bool:
    # YAML 1.1 reads the key "on" as true.
    triggers = [each.value for each in root.entries if each.key.value in {"on", True}]
    names: list[object] = []
    for each in triggers:
        names += [each.value] if each.text else []
        names += [item.value for item in each.items] + [entry.key.value for entry in each.entries]
    return "push" in names
