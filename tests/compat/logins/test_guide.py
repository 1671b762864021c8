"""The policies of the guide, as they stand there, with the command lines that jobs call."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.deployments import branch_deployment_name
from dagstead.plane.tokens import TokenKind
from tests.support.command_records import Recorder
from tests.support.environments import REPOSITORY
from tests.support.git import git
from tests.support.official_cli import OfficialCli
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import claims

pytestmark = [pytest.mark.compat, pytest.mark.usefixtures("no_policies")]

GUIDE = REPOSITORY / "docs" / "guides" / "ci-login.md"
REGISTRY = "ghcr.io/org/weather"
NO_WAIT = ("--location-load-timeout", "0", "--agent-heartbeat-timeout", "0")
#: No agent runs here: what is deployed waits for one.
WAITS = {"releases": {"unserved_queue": "wait"}}
#: What GitHub says of jobs: on the branch main, and of a pull request.
ON_MAIN = {"event_name": "push", "ref": "refs/heads/main"}
OF_A_PULL_REQUEST = {"event_name": "pull_request", "ref": "refs/pull/7/merge"}


def guide_commands() -> list[list[str]]:
    """The calls of `dagstead trust add` in the guide, without the program's name."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    marks = "$ dagstead trust add "
    return [shlex.split(each.removeprefix("$ "))[1:] for each in lines if each.startswith(marks)]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of CI, in a folder of its own."""

    plane: Plane
    issuer: OidcIssuer
    folder: Path

    def dagstead(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Our command line, as a process."""
        base = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(self.folder), "NO_PROXY": "127.0.0.1"}
        return subprocess.run(
            [sys.executable, "-m", "dagstead", *words],
            cwd=self.folder,
            env={**base, **home, "DAGSTER_CLOUD_URL": self.plane.settings.base_url, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def log_in(self, said: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """What the guide has a job of GitHub do."""
        self.issuer.job = lambda audience: self.issuer.sign(
            claims(self.plane, self.issuer, **said, aud=audience)
        )
        return self.dagstead(
            *("login", "--github"),
            GITHUB_ACTIONS="true",
            GITHUB_ENV=str(self.folder / "github_env"),
            ACTIONS_ID_TOKEN_REQUEST_URL=f"{self.issuer.url}/job?api-version=2",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN="runner",
        )

    def token(self) -> str:
        """What the steps that follow have as DAGSTER_CLOUD_API_TOKEN."""
        lines = (self.folder / "github_env").read_text(encoding="utf-8").splitlines()
        name, _, value = lines[-1].partition("=")
        assert name == "DAGSTER_CLOUD_API_TOKEN"
        return value


@pytest.fixture
def job(plane: Plane, github: OidcIssuer, tmp_path: Path) -> Job:
    """One that the guide's policies are for, at this provider instead of GitHub."""
    made = Job(plane=plane, issuer=github, folder=tmp_path)
    _, admin = plane.token(TokenKind.USER)
    for words in guide_commands():
        here = [github.url if each == "github" else each for each in words]
        done = made.dagstead(*here, "--provider", "github", DAGSTER_CLOUD_API_TOKEN=admin)
        assert done.returncode == 0, done.stderr
    plane.store.deployments.set_settings("prod", WAITS)
    git(tmp_path, "init", "--initial-branch", "feature")
    git(tmp_path, "remote", "add", "origin", "https://github.com/org/repo.git")
    git(tmp_path, "commit", "--allow-empty", "--message", "Begin")
    document = {
        "locations": [
            {
                "location_name": "weather",
                "code_source": {"module_name": "weather"},
                "build": {"directory": ".", "registry": REGISTRY},
            }
        ]
    }
    # JSON is YAML.
    (tmp_path / "dagster_cloud.yaml").write_text(json.dumps(document), encoding="utf-8")
    return made


def official(job: Job, recorder: Recorder) -> OfficialCli:
    return OfficialCli(
        url=job.plane.settings.base_url,
        token=job.token(),
        recorder=recorder,
        folder=job.folder,
        deployment=None,
    )


def test_a_pull_request_deploys_to_its_branch_deployment_and_nowhere_else(
    job: Job, command_recorder: Recorder
) -> None:
    assert len(guide_commands()) == 2
    done = job.log_in(OF_A_PULL_REQUEST)
    assert done.returncode == 0, done.stderr
    assert "for 15 minutes: branch deployments." in done.stderr
    cli = official(job, command_recorder)

    cli.run("dagster-cloud ci init", "--project-dir", ".", "--require-branch-deployment")
    name = branch_deployment_name("org/repo", "feature")
    job.plane.store.deployments.set_settings(name, WAITS)
    cli.without_server().run("dagster-cloud ci set-build-output", "--image-tag", "v1")
    deployed = cli.run("dagster-cloud ci deploy", *NO_WAIT, fails=True)
    assert "Updated code location weather in dagster-cloud." in deployed.text
    assert "Timed out waiting for location data to update." in deployed.text

    control = job.plane.control
    deployment = control.deployments.named(COMMAND_LINE, name)
    assert deployment.project is not None
    assert (deployment.project.path, deployment.project.id) == ("org/repo", "74")
    assert control.locations.names(COMMAND_LINE, deployment) == {"weather"}
    ours = job.dagstead(
        *("release", "list", "--deployment", name), DAGSTER_CLOUD_API_TOKEN=job.token()
    )
    assert ours.returncode == 0, ours.stderr
    for words, why in (
        (("release", "list", "--deployment", "prod"), "branch deployments of org/repo"),
        (("token", "list"), "It takes the role admin"),
    ):
        refused = job.dagstead(*words, DAGSTER_CLOUD_API_TOKEN=job.token())
        assert refused.returncode == 1, refused.stdout
        assert why in refused.stderr


def test_main_deploys_to_prod_and_outsiders_log_in_nowhere(
    job: Job, command_recorder: Recorder
) -> None:
    for event in ("pull_request_target", "workflow_run"):
        refused = job.log_in({**ON_MAIN, "event_name": event})
        assert refused.returncode == 1
        assert f"event_name is '{event}', which outsiders can cause" in refused.stderr
    assert not (job.folder / "github_env").exists()
    assert job.log_in(ON_MAIN).returncode == 0
    cli = official(job, command_recorder)

    cli.run("dagster-cloud ci init", "--project-dir", ".", "--deployment", "prod")
    cli.without_server().run("dagster-cloud ci set-build-output", "--image-tag", "v1")
    deployed = cli.run("dagster-cloud ci deploy", *NO_WAIT, fails=True)
    assert "Updated code location weather in dagster-cloud." in deployed.text
    assert "Timed out waiting for location data to update." in deployed.text

    control = job.plane.control
    prod = control.deployments.named(COMMAND_LINE, "prod")
    assert control.locations.names(COMMAND_LINE, prod) == {"weather"}
    # Another repository that has got the name.
    other = job.log_in({**ON_MAIN, "repository_id": "75"})
    assert other.returncode == 1
    assert "repository_id of 'org/repo' was 74 at first, and is 75 now" in other.stderr
