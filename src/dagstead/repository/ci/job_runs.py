"""What one event starts in a workflow: which jobs and steps run, and what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagstead.model.nodes import Node
from dagstead.repository.ci.acts import Act, ActKind
from dagstead.repository.ci.expressions import UNKNOWN, UnknownValue
from dagstead.repository.ci.image_builds import ImageBuild
from dagstead.repository.ci.image_pushes import PushedImage
from dagstead.repository.ci.matrices import entries_of
from dagstead.repository.ci.model import Event, Job, Workflow, WorkflowFiles
from dagstead.repository.ci.provider import Provider
from dagstead.repository.ci.scopes import WORKSPACE, Scope
from dagstead.repository.ci.steps import StepFollower, StepsOutcome
from dagstead.repository.ci.triggers import event_name, events_of, only_branch

_MOST_CALLS = 4
#: With one of these in its condition, a job can run after one that it needs was skipped.
_RUNS_AFTER_SKIPPED = re.compile(r"\b(?:always|cancelled)\s*\(")


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """A job as it runs for an event, once for each entry of its matrix."""

    job: Job
    #: The workflow that the job stands in, which may be one that is called.
    workflow: Workflow
    event: Event
    acts: tuple[Act, ...]
    #: Whether it always runs, as far as can be known.
    certain: bool
    #: The entry of the matrix.
    matrix: Mapping[str, Any]
    #: Images that its steps build, with paths relative to the root of the repository.
    images: tuple[ImageBuild, ...] = ()
    #: Images that its steps push.
    pushed: tuple[PushedImage, ...] = ()
    #: The inputs of the workflow that it stands in, as far as they are known.
    inputs: Mapping[str, Any] = field(default_factory=dict)
    #: The jobs that call the workflow that it stands in, the outermost first.
    callers: tuple[Job, ...] = ()

    @property
    def is_opaque(self) -> bool:
        """Whether a script of it could do anything."""
        return any(each.does is ActKind.OPAQUE for each in self.acts)


def follow(workflow: Workflow, files: WorkflowFiles) -> tuple[JobRun, ...]:
    """All jobs of a workflow, for each event that it runs for."""
    events = sorted(set(events_of(workflow)))
    return tuple(
        run
        for event in events
        for run in _Follower(
            workflow=workflow, files=files, event=event, branch=only_branch(workflow, event)
        ).runs()
    )


@dataclass(kw_only=True)
class _Follower:
    workflow: Workflow
    files: WorkflowFiles
    event: Event
    branch: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    callers: tuple[Job, ...] = ()
    certain: bool = True
    needs: dict[tuple[str, str], Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    def runs(self) -> Iterator[JobRun]:
        for job in _ordered(self.workflow.jobs):
            if job.events is not None and self.event not in job.events:
                continue
            yield from self._job(job)

    def _job(self, job: Job) -> Iterator[JobRun]:
        base = self._scope()
        holds = base.condition(job.condition)
        written = "" if job.condition is None else str(job.condition.value)
        if holds is False or (
            self.skipped & set(job.needs) and not _RUNS_AFTER_SKIPPED.search(written)
        ):
            self.skipped.add(job.name)
            return
        certain = self.certain and holds is True
        if job.uses is not None:
            yield from self._called(job, base, certain=certain)
            return
        for entry in entries_of(job.matrix, base):
            scope = replace(base, matrix=entry)
            scope = replace(scope, env=scope.env_with(job.env))
            yield self._steps(job, scope, certain=certain)

    def _steps(self, job: Job, scope: Scope, *, certain: bool) -> JobRun:
        folder = scope.shell_text(job.directory) or scope.shell_text(self.workflow.directory) or ""
        follower = StepFollower(job=job, actions=self.files.actions, scope=scope, folder=folder)
        followed = follower.follow()
        self._keep_outputs(job, followed)
        return JobRun(
            job=job,
            workflow=self.workflow,
            event=self.event,
            acts=followed.acts,
            certain=certain,
            matrix=scope.matrix,
            images=followed.images,
            pushed=followed.pushed,
            inputs=self.inputs,
            callers=self.callers,
        )

    def _keep_outputs(self, job: Job, followed: StepsOutcome) -> None:
        for each in () if job.outputs is None else job.outputs.entries:
            self.needs[job.name, str(each.key.value)] = followed.scope.value(each.value)

    def _called(self, job: Job, scope: Scope, *, certain: bool) -> Iterator[JobRun]:
        path = "" if job.uses is None else (job.uses.text or "")
        called = self.files.workflow(path.removeprefix("./"))
        if not path.startswith("./") or called is None or len(self.callers) >= _MOST_CALLS:
            return
        for entry in entries_of(job.matrix, scope):
            given = replace(scope, matrix=entry)
            inputs = _inputs(called.inputs, job.inputs, given)
            follower = _Follower(
                workflow=called,
                files=self.files,
                event=self.event,
                branch=self.branch,
                inputs=inputs,
                callers=(*self.callers, job),
                certain=certain,
            )
            yield from follower.runs()

    def _scope(self) -> Scope:
        env: dict[str, str | None] = {}
        if self.workflow.provider is Provider.GITHUB:
            env["GITHUB_WORKSPACE"] = WORKSPACE
            env["GITHUB_EVENT_NAME"] = event_name(self.workflow, self.event)
            if self.branch is not None:
                env |= {"GITHUB_REF_NAME": self.branch, "GITHUB_REF": f"refs/heads/{self.branch}"}
        else:
            env["CI_PROJECT_DIR"] = WORKSPACE
        scope = Scope(
            event=self.event, env=env, branch=self.branch, inputs=self.inputs, needs=self.needs
        )
        return replace(scope, env=scope.env_with(self.workflow.env))


def _inputs(
    declared: Mapping[str, Node | None], given: Node | None, scope: Scope
) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for name, default in declared.items():
        node = None if given is None else given.get(name)
        inputs[name] = scope.value(node or default) if node or default else UNKNOWN
    return {name: value for name, value in inputs.items() if not isinstance(value, UnknownValue)}


def _ordered(jobs: Sequence[Job]) -> Iterator[Job]:
    """Jobs behind those that they need."""
    waiting = list(jobs)
    names = {each.name for each in jobs}
    done: set[str] = set()
    while waiting:
        ready = [each for each in waiting if not (set(each.needs) & names) - done]
        # A circle would wait for ever: take what is left as it is.
        for each in ready or waiting:
            done.add(each.name)
            yield each
        waiting = [each for each in waiting if each.name not in done]
