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


def stand_ins(origin: Path) -> Mapping[str, Action]:
    """The actions by name; ``origin`` is the repository that a checkout clones."""
    return {
        "actions/checkout": lambda called: _checkout(called, origin),
        "actions/setup-python": _setup_python,
        "docker/setup-buildx-action": _setup_buildx,
        "docker/login-action": _login,
        f"{_OFFICIAL}/ci-init": lambda called: called.steps.composite(_CI_INIT, called),
    }


def _checkout(called: Called, origin: Path) -> str:
    _only(called, "ref", "fetch-depth", "persist-credentials")
    if "contents:read" not in str(called.steps.contexts["github"]["token"]):
        message = "this job has no permission to read the repository"
        raise ActionError(message)
    depth = called.inputs.get("fetch-depth", "1")
    folder, ref = called.steps.machine.workspace, called.inputs["ref"]
    every = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    fetched = (f"--depth={depth}", ref) if depth != "0" else (*every, ref)
    commands: Sequence[Sequence[str]] = (
        ("git", "init", "--quiet", "."),
        ("git", "remote", "add", "origin", str(origin)),
        ("git", "fetch", "--quiet", "--no-tags", "origin", *fetched),
        ("git", "checkout", "--quiet", "--detach", ref),
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
