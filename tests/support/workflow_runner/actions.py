"""What stands in for the actions that generated workflows use.

Each does on this machine what the real one does on GitHub's: a checkout is a clone, a login is one
of the `docker` on the path. The official actions are composite ones; here is what they run, in
words of our own, with the official command line as it is installed instead of their PEX of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.workflow_runner.documents import Step
from tests.support.workflow_runner.steps import Action, ActionError, Called

_MINUTES = 1

_OFFICIAL = "dagster-io/dagster-cloud-action/actions/utils"

#: What it is given is pasted into scripts, as the official action does it.
_CI_INIT = [
    Step(
        shell="bash",
        run="""
            python=$(dirname "$(command -v dagster-cloud)")/python
            echo "DAGSTER_CLOUD_PEX=$python" >> "$GITHUB_ENV"
            echo "DAGSTER_BUILD_STATEDIR=$RUNNER_TEMP/statedir-$GITHUB_RUN_ID" >> "$GITHUB_ENV"
        """,
    ),
    Step(
        shell="bash",
        env={
            "NAMES": "${{ join(fromJSON(inputs.location_names || '[]'), ' --location-name=') }}",
            "SHA": "${{ github.event.pull_request.head.sha || github.sha }}",
            "REPOSITORY": "${{ github.server_url }}/${{ github.repository }}",
        },
        run="""
            cli=($DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint)
            "${cli[@]}" ci init --project-dir=${{ inputs.project_dir }} \\
              --dagster-cloud-yaml-path=${{ inputs.dagster_cloud_yaml_path }} \\
              --deployment=${{ inputs.deployment }} ${NAMES:+--location-name=$NAMES} \\
              --git-url="$REPOSITORY/tree/$SHA" --commit-hash="$SHA" \\
              --status-url="$REPOSITORY/actions/runs/$GITHUB_RUN_ID"
            "${cli[@]}" ci status
            "${cli[@]}" ci notify --project-dir=${{ inputs.project_dir }}
        """,
    ),
]

_CLI = "$(dirname $(command -v dagster-cloud))/python -m dagster_cloud_cli.entrypoint"

#: The command is pasted, too, with what it redirects.
_DAGSTER_CLOUD_CLI = [Step(shell="bash", run=f"{_CLI} ${{{{ inputs.command }}}}")]

_PRERUN = [
    Step.model_validate(each)
    for each in (
        {
            "uses": "actions/checkout",
            "with": {"ref": "${{ github.sha }}", "path": "prerun_checkout_dir"},
        },
        {
            "shell": "bash",
            "if": "github.event.action == 'closed'",
            "run": f"""
                {_CLI} ci branch-deployment prerun_checkout_dir
                echo "result=skip" >> "$GITHUB_OUTPUT"
            """,
        },
        {
            "shell": "bash",
            "if": "github.event.action != 'closed'",
            "run": """
                kind=docker
                if [ "${ENABLE_FAST_DEPLOYS:-false}" = true ]; then kind=pex; fi
                echo "result=$kind-deploy" >> "$GITHUB_OUTPUT"
            """,
        },
    )
]


def stand_ins(origin: Path) -> Mapping[str, Action]:
    """The actions by name; ``origin`` is the repository that a checkout clones."""
    return {
        "actions/checkout": lambda called: _checkout(called, origin),
        "actions/setup-python": _setup_python,
        "docker/setup-buildx-action": _setup_buildx,
        "docker/build-push-action": _build_and_push,
        "docker/login-action": _login,
        f"{_OFFICIAL}/ci-init": lambda called: called.steps.composite(_CI_INIT, called),
        f"{_OFFICIAL}/dagster-cloud-cli": lambda called: called.steps.composite(
            _DAGSTER_CLOUD_CLI, called
        ),
        f"{_OFFICIAL}/prerun": lambda called: called.steps.composite(_PRERUN, called),
    }


def _checkout(called: Called, origin: Path) -> str:
    _only(called, "ref", "fetch-depth", "path", "persist-credentials")
    if "contents:read" not in str(called.steps.contexts["github"]["token"]):
        message = "this job has no permission to read the repository"
        raise ActionError(message)
    depth = called.inputs.get("fetch-depth", "1")
    # Without a ref it is the commit of the event.
    ref = called.inputs.get("ref") or str(called.steps.contexts["github"]["sha"])
    folder = called.steps.machine.workspace / called.inputs.get("path", ".")
    folder.mkdir(exist_ok=True)
    every = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    is_all = depth == "0"
    fetched = (*every, ref) if is_all else (f"--depth={depth}", ref)
    commands: Sequence[Sequence[str]] = (
        ("git", "init", "--quiet", "."),
        ("git", "remote", "add", "origin", str(origin)),
        ("git", "fetch", "--quiet", "--no-tags", "origin", *fetched),
        # A branch is fetched without a name of its own.
        ("git", "checkout", "--quiet", "--detach", ref if is_all else "FETCH_HEAD"),
    )
    return "".join(_ran(called, command, folder) for command in commands)


def _setup_python(called: Called) -> str:
    _only(called, "python-version")
    said = _ran(called, ("python", "--version"), called.steps.machine.workspace)
    wanted = called.inputs["python-version"]
    if not said.startswith(f"Python {wanted}."):
        message = f"Python {wanted} was asked for, and this machine has {said}"
        raise ActionError(message)
    return said


def _setup_buildx(called: Called) -> str:
    _only(called)
    return _ran(called, ("docker", "buildx", "create", "--use"), called.steps.machine.workspace)


def _login(called: Called) -> str:
    _only(called, "registry", "username", "password")
    host = called.inputs.get("registry")
    command = ("docker", "login", "--username", called.inputs["username"], "--password-stdin")
    return _ran(
        called,
        (*command, *([host] if host else [])),
        called.steps.machine.workspace,
        called.inputs["password"],
    )


def _build_and_push(called: Called) -> str:
    _only(called, "context", "push", "tags", "cache-from", "cache-to")
    assert called.inputs["push"] == "true", called.inputs
    caches = (f"--cache-{way}={called.inputs[f'cache-{way}']}" for way in ("from", "to"))
    command = ("docker", "buildx", "build", "--push", "--tag", called.inputs["tags"], *caches)
    workspace = called.steps.machine.workspace
    return _ran(called, (*command, called.inputs["context"]), workspace)


def _only(called: Called, *known: str) -> None:
    unknown = set(called.inputs) - set(known)
    if unknown:
        message = f"{called.step.uses} is not known to take {sorted(unknown)}"
        raise ValueError(message)


def _ran(called: Called, command: Sequence[str], folder: Path, told: str = "") -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(called.steps.machine.variables),
        input=told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_MINUTES * 60,
        check=False,
    )
    if done.returncode:
        raise ActionError(done.stdout)
    return done.stdout
