"""The steps of a job, or of a composite action within it, one after the other."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.workflow_runner.documents import Defaults, Step
from tests.support.workflow_runner.expressions import Scope, Value, is_true
from tests.support.workflow_runner.functions import FUNCTIONS
from tests.support.workflow_runner.machine import BASH, Ended, Machine, assignments
from tests.support.workflow_runner.texts import filled, holds, texts

#: By what ``shell`` says; nothing is another bash.
_SHELLS: Mapping[str | None, tuple[str, ...]] = {"bash": BASH, None: ("bash", "-e")}


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What became of a step."""

    step: Step
    #: `success`, `failure` or `skipped`; the conclusion forgives what may fail.
    outcome: str
    conclusion: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Called:
    """What an action is called with."""

    step: Step
    inputs: Mapping[str, str]
    steps: Steps
    #: What it leaves for later steps: those of all its own steps, as none here renames them.
    outputs: dict[str, str] = field(default_factory=dict)


#: Does an action's work; its log. A failure is an `ActionError`.
Action = Callable[[Called], str]


class ActionError(Exception):
    """An action failed; the message is its log."""


@dataclass(kw_only=True)
class Steps:
    """Where a row of steps is."""

    machine: Machine
    #: The contexts of the job, without `steps`, `env` and `inputs`.
    contexts: Mapping[str, Value]
    #: By name, without the commit.
    actions: Mapping[str, Action]
    defaults: Defaults
    #: The variables of workflow and job, and those that steps have set for the next ones.
    env: dict[str, str]
    paths: list[str] = field(default_factory=list)
    inputs: Mapping[str, str] = field(default_factory=dict)
    results: list[StepResult] = field(default_factory=list)

    def play(self, steps: Iterable[Step]) -> None:
        """Run those whose conditions hold."""
        for step in steps:
            self.results.append(self._result(step))

    @property
    def failed(self) -> bool:
        """Whether a step has failed that must not."""
        return any(each.conclusion == "failure" for each in self.results)

    def composite(self, steps: Iterable[Step], called: Called) -> str:
        """Run the steps of a composite action; their log.

        Raises:
            ActionError: when one of them fails.
        """
        inner = replace(
            self,
            defaults=Defaults(),
            env={**self.env, **self._step_env(called.step)},
            inputs=called.inputs,
            results=[],
        )
        inner.play(steps)
        log = "\n".join(each.log for each in inner.results)
        # Variables outlive the action, those of its own step do not.
        own = self._step_env(called.step)
        self.env.update({key: value for key, value in inner.env.items() if key not in own})
        for each in inner.results:
            called.outputs.update(each.outputs)
        if inner.failed:
            raise ActionError(log)
        return log

    def _result(self, step: Step) -> StepResult:
        if not holds(step.condition, self.scope(self.env)):
            return StepResult(step=step, outcome="skipped", conclusion="skipped")
        started = time.monotonic()
        env = {**self.env, **self._step_env(step)}
        result = self._use(step, env) if step.run is None else self._run(step, env)
        forgiven = is_true(filled(step.continue_on_error, self.scope(env)))
        conclusion = "success" if forgiven else result.outcome
        return replace(result, conclusion=conclusion, seconds=time.monotonic() - started)

    def _run(self, step: Step, env: Mapping[str, str]) -> StepResult:
        scope = self.scope(env)
        shell = step.shell or self.defaults.run.shell
        folder = step.working_directory or self.defaults.run.working_directory or "."
        if shell not in _SHELLS:
            message = f"{step.title}: the shell {shell!r} is not known here"
            raise ValueError(message)
        try:
            ended = self.machine.run(
                str(filled(step.run, scope)),
                shell=_SHELLS[shell],
                variables=self._process_variables(step, env),
                folder=self.machine.workspace / str(filled(folder, scope)),
                timeout_seconds=step.timeout_minutes * 60,
            )
        except subprocess.TimeoutExpired as late:
            return StepResult(step=step, outcome="failure", conclusion="failure", log=str(late))
        outcome = "failure" if ended.exit_code else "success"
        self._heed(ended)
        return StepResult(
            step=step,
            outcome=outcome,
            conclusion=outcome,
            outputs=assignments(ended.files["GITHUB_OUTPUT"]),
            log=ended.log,
            summary=ended.files["GITHUB_STEP_SUMMARY"],
        )

    def _heed(self, ended: Ended) -> None:
        self.env.update(assignments(ended.files["GITHUB_ENV"]))
        self.paths += ended.files["GITHUB_PATH"].splitlines()

    def _use(self, step: Step, env: Mapping[str, str]) -> StepResult:
        name = (step.uses or "").partition("@")[0]
        if name not in self.actions:
            message = f"the action {name!r} is not known here; there are {sorted(self.actions)}"
            raise ValueError(message)
        inputs = texts(step.inputs, self.scope(env))
        called = Called(step=step, inputs=inputs, steps=self)
        try:
            log = self.actions[name](called)
        except ActionError as error:
            return StepResult(step=step, outcome="failure", conclusion="failure", log=str(error))
        return StepResult(
            step=step, outcome="success", conclusion="success", outputs=called.outputs, log=log
        )

    def _step_env(self, step: Step) -> dict[str, str]:
        return texts(step.env, self.scope(self.env))

    def _process_variables(self, step: Step, env: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join([*reversed(self.paths), self.machine.variables["PATH"]])
        return {**env, "GITHUB_ACTION": step.id or "__run", "PATH": path}

    def scope(self, env: Mapping[str, str] | None = None) -> Scope:
        """What an expression of the next step can name."""
        known = {
            each.step.id: {
                "outcome": each.outcome,
                "conclusion": each.conclusion,
                "outputs": dict(each.outputs),
            }
            for each in self.results
            if each.step.id
        }
        contexts: dict[str, Any] = {
            **self.contexts,
            "steps": known,
            "env": dict(self.env if env is None else env),
        }
        if self.inputs:
            contexts["inputs"] = dict(self.inputs)
        status: dict[str, Callable[..., Value]] = {
            "success": lambda: not self.failed,
            "failure": lambda: self.failed,
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        return Scope(contexts=contexts, functions={**FUNCTIONS, **status})
