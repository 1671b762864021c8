"""Stands in for GitLab: plays the jobs of a pipeline, stage by stage."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tests.support.environments import Environment
from tests.support.workflow_runner.documents import read_yaml
from tests.support.workflow_runner.events import REPOSITORY, Event
from tests.support.workflow_runner.machine import Machine, prepared_machine, pushed_images

FILE = ".gitlab-ci.yml"
SERVER = "https://gitlab.example"

_RULE = re.compile(r'\$(?P<name>\w+) == "(?P<value>(?:[^"\\]|\\.)*)"')
_VARIABLE = re.compile(r"\$(\w+)")

#: What the start of Docker's image sets when Docker runs as a service with certificates.
_BY_IMAGE = {"docker": {"DOCKER_HOST": "tcp://docker:2376", "DOCKER_TLS_VERIFY": "1"}}

#: GitLab takes bash where an image has it; Docker's has not.
_BASH = ("bash", "-e", "-o", "pipefail")
_SHELLS = {
    "python": _BASH,
    "docker": ("sh", "-e"),
    "ghcr.io/dagster-io/dagster-cloud-action": _BASH,
}

_JOB_SECONDS = 900


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Part):
    condition: str = Field(alias="if")
    when: str = "on_success"
    allow_failure: bool = False


class _Artifacts(_Part):
    paths: list[str] = []
    expire_in: str = ""


class _Environment(_Part):
    name: str
    on_stop: str | None = None
    action: str = "start"


class _Job(_Part):
    stage: str
    image: str
    rules: list[_Rule]
    script: list[str]
    services: list[str] = []
    variables: dict[str, str] = {}
    needs: list[str] = []
    artifacts: _Artifacts = _Artifacts()
    environment: _Environment | None = None
    resource_group: str = ""
    interruptible: bool = True


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of a job."""

    name: str
    succeeded: bool
    log: str


@dataclass(kw_only=True)
class Lab:
    """A repository on GitLab, with the variables of its settings."""

    folder: Path
    #: A bare repository.
    origin: Path
    environment: Environment
    variables: Mapping[str, str]
    #: Which of the variables no log may tell.
    masked: Collection[str]
    pipelines: int = 0
    jobs: int = 0

    def play(self, event: Event) -> list[Played]:
        """Play the jobs that an event starts, until one fails."""
        return self._pipeline(event, manual=False)

    def stop(self, event: Event) -> list[Played]:
        """Play the job that ends the environment of a merge request."""
        return self._pipeline(event, manual=True)

    def images(self) -> list[dict[str, Any]]:
        """What was pushed, oldest first."""
        return pushed_images(self.folder.glob("pipeline-*/*"))

    def _pipeline(self, event: Event, *, manual: bool) -> list[Played]:
        self.pipelines += 1
        stages, shared, jobs = self._read(event.head)
        predefined = self._predefined(event)
        started = {
            name: job
            for name, job in jobs.items()
            if _when(job, predefined) == ("manual" if manual else "on_success")
        }
        ended: list[Played] = []
        for name, job in sorted(started.items(), key=lambda each: stages.index(each[1].stage)):
            assert manual or set(job.needs) <= {each.name for each in ended}, f"{name} needs more"
            ended.append(self._job(name, job, {**predefined, **shared}, event.head))
            if not ended[-1].succeeded:
                break
        for secret in (self.variables[name] for name in self.masked):
            assert all(secret not in job.log for job in ended), "a log tells a secret"
        return ended

    def _read(self, sha: str) -> tuple[list[str], dict[str, str], dict[str, _Job]]:
        shown = subprocess.run(
            ["git", "show", f"{sha}:{FILE}"],
            cwd=self.origin,
            check=True,
            capture_output=True,
            text=True,
        )
        document: dict[str, Any] = read_yaml(shown.stdout)
        stages, variables = document.pop("stages"), document.pop("variables", {})
        return stages, variables, {key: _Job.model_validate(job) for key, job in document.items()}

    def _predefined(self, event: Event) -> dict[str, str]:
        url = f"{SERVER}/{REPOSITORY}"
        number = event.payload.get("number")
        kind = {
            "CI_PIPELINE_SOURCE": "push",
            "CI_COMMIT_BRANCH": event.branch,
        }
        if event.name == "pull_request":
            kind = {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_IID": str(number),
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": event.branch,
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": event.base_ref,
            }
        return {
            **kind,
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_COMMIT_REF_NAME": event.branch,
            "CI_COMMIT_REF_SLUG": event.branch,
            "CI_COMMIT_SHA": event.head,
            "CI_COMMIT_SHORT_SHA": event.head[:8],
            "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_ID": str(self.pipelines),
            "CI_PIPELINE_URL": f"{url}/-/pipelines/{self.pipelines}",
            "CI_PROJECT_NAME": REPOSITORY.rpartition("/")[2],
            "CI_PROJECT_PATH": REPOSITORY,
            "CI_PROJECT_URL": url,
        }

    def _job(self, name: str, job: _Job, variables: Mapping[str, str], sha: str) -> Played:
        machine = prepared_machine(
            self.folder / f"pipeline-{self.pipelines}" / name, self.environment, {}
        )
        self.jobs += 1
        image = job.image.partition(":")[0]
        told = {
            **_BY_IMAGE.get(image, {}),
            **variables,
            **self.variables,
            **job.variables,
            "CI_JOB_ID": str(self.jobs),
            "CI_JOB_URL": f"{SERVER}/{REPOSITORY}/-/jobs/{self.jobs}",
            "CI_BUILDS_DIR": str(machine.folder),
        }
        told = {
            key: _VARIABLE.sub(lambda found: told[found[1]], text) for key, text in told.items()
        }
        self._check_out(machine, sha)
        store = self.folder / f"pipeline-{self.pipelines}" / "artifacts"
        for need in job.needs:
            if (store / need).exists():
                shutil.copytree(store / need, machine.workspace, dirs_exist_ok=True)
        ended = machine.run(
            "\n".join(job.script),
            shell=_SHELLS[image],
            variables=told,
            folder=machine.workspace,
            timeout_seconds=_JOB_SECONDS,
        )
        for path in job.artifacts.paths:
            if (machine.workspace / path).exists():
                shutil.copytree(machine.workspace / path, store / name / path)
        return Played(name=name, succeeded=ended.exit_code == 0, log=ended.log)

    def _check_out(self, machine: Machine, sha: str) -> None:
        for command in (
            ("init", "--quiet", "."),
            ("remote", "add", "origin", str(self.origin)),
            ("fetch", "--quiet", "--depth=20", "origin", sha),
            ("checkout", "--quiet", "--detach", sha),
        ):
            subprocess.run(["git", *command], cwd=machine.workspace, check=True)


def _when(job: _Job, variables: Mapping[str, str]) -> str:
    """When a job is to run, by the first rule that holds; never when none does."""
    for rule in job.rules:
        found = _RULE.fullmatch(rule.condition)
        if found is None:
            message = f"the rule {rule.condition!r} is not known here"
            raise ValueError(message)
        wanted = re.sub(r"\\(.)", r"\1", found["value"])
        if variables.get(found["name"]) == wanted:
            return rule.when
    return "never"
