"""Stands in for GitHub: a repository, the workflows that an event starts, and their runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.environments import Environment
from tests.support.workflow_runner.actions import stand_ins
from tests.support.workflow_runner.documents import Workflow, read_workflow
from tests.support.workflow_runner.events import REPOSITORY, SERVER, Event
from tests.support.workflow_runner.jobs import JobResult, Player
from tests.support.workflow_runner.machine import Machine, prepared_machine, pushed_images

_FOLDER = ".github/workflows"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a workflow."""

    #: The workflow's file name.
    workflow: str
    event: Event
    #: `success`, `failure` or `cancelled`.
    conclusion: str
    jobs: tuple[JobResult, ...] = ()

    @property
    def log(self) -> str:
        """All that its jobs printed."""
        return "\n".join(f"# {each.name}\n{each.log}" for each in self.jobs)

    def job(self, name: str) -> JobResult:
        """The job of that name."""
        (found,) = (each for each in self.jobs if each.name == name)
        return found


@dataclass(kw_only=True)
class Hub:
    """A repository on GitHub, with its settings and all its runs."""

    folder: Path
    #: A bare repository.
    origin: Path
    environment: Environment
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    runs: list[Run] = field(default_factory=list)

    def play(self, event: Event) -> list[Run]:
        """Play every workflow that the event starts, to its end."""
        started = [self._run(name, workflow, event) for name, workflow in self._started(event)]
        self.runs += started
        for secret in filter(None, self.secrets.values()):
            assert all(secret not in run.log for run in started), "a log tells a secret"
        return started

    def cancel(self, event: Event) -> list[Run]:
        """Start what the event starts and cancel it at once.

        So ends a run that waits for another one when a third one comes.
        """
        cancelled = [
            Run(workflow=name, event=event, conclusion="cancelled")
            for name, _ in self._started(event)
        ]
        self.runs += cancelled
        return cancelled

    def images(self) -> list[dict[str, Any]]:
        """What was pushed, oldest first."""
        return pushed_images(self.folder.glob("run-*/*"))

    def _started(self, event: Event) -> list[tuple[str, Workflow]]:
        names = self._git("ls-tree", "--name-only", f"{event.sha}:{_FOLDER}").split()
        workflows = {
            name: read_workflow(self._git("show", f"{event.sha}:{_FOLDER}/{name}"))
            for name in names
        }
        return [
            (name, workflow)
            for name, workflow in workflows.items()
            if event.starts(workflow.triggers)
        ]

    def _run(self, name: str, workflow: Workflow, event: Event) -> Run:
        number = len(list(self.folder.glob("run-*"))) + 1
        folder = self.folder / f"run-{number}"
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")
        (folder / "runs.json").write_text(json.dumps({REPOSITORY: self._history()}))
        github = {
            "actor": "somebody",
            "event": event.payload,
            "event_name": event.name,
            "head_ref": event.head_ref,
            "base_ref": event.base_ref,
            "ref": event.ref,
            "ref_name": event.ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "ref_type": "branch",
            "repository": REPOSITORY,
            "run_attempt": "1",
            "run_id": str(number),
            "run_number": str(number),
            "server_url": SERVER,
            "sha": event.sha,
            "workflow": workflow.name,
        }
        player = Player(
            workflow=workflow,
            contexts={
                "github": github,
                "vars": dict(self.variables),
                "secrets": dict(self.secrets),
            },
            actions=stand_ins(self.origin),
            machine=lambda title: self._machine(folder, title, github),
        )
        jobs = tuple(player.play())
        conclusion = "failure" if any(job.result == "failure" for job in jobs) else "success"
        run = Run(workflow=name, event=event, conclusion=conclusion, jobs=jobs)
        (folder / "log.txt").write_text(run.log, encoding="utf-8")
        return run

    def _machine(self, run: Path, title: str, github: Mapping[str, Any]) -> Machine:
        told = {
            f"GITHUB_{key.upper()}": str(value)
            for key, value in github.items()
            if key not in {"event", "token"}
        }
        folder = run / "".join(each if each.isalnum() else "-" for each in title)
        variables = {
            **told,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{SERVER}/api",
            "GITHUB_EVENT_PATH": str(run / "event.json"),
            "GITHUB_WORKSPACE": str(folder / "workspace"),
            "RUNNER_TEMP": str(folder / "temp"),
            "STAND_IN_RUNS": str(run / "runs.json"),
        }
        return prepared_machine(folder, self.environment, variables)

    def _history(self) -> list[dict[str, str]]:
        return [
            {
                "workflow": run.workflow,
                "branch": run.event.branch,
                "event": run.event.name,
                "status": run.conclusion,
                "headSha": run.event.sha,
            }
            for run in self.runs
        ]

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.origin, check=True, capture_output=True, text=True
        )
        return done.stdout
