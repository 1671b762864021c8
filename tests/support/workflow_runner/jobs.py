"""The jobs of a workflow, in the order of their needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.support.workflow_runner.documents import Job, Workflow
from tests.support.workflow_runner.expressions import Scope, Value, as_text
from tests.support.workflow_runner.functions import FUNCTIONS
from tests.support.workflow_runner.machine import Machine
from tests.support.workflow_runner.steps import Action, StepResult, Steps
from tests.support.workflow_runner.texts import filled, holds, texts


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What became of a job; of each one, when it has a matrix."""

    #: With what the matrix makes of it.
    name: str
    #: `success`, `failure` or `skipped`.
    result: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepResult, ...] = ()

    @property
    def log(self) -> str:
        """All that its steps printed."""
        return "\n".join(
            f"## {each.step.title}: {each.outcome} in {each.seconds:.1f} s\n{each.log}"
            for each in self.steps
            if each.outcome != "skipped"
        )

    def did(self, title: str) -> str:
        """The conclusion of the step with this title."""
        (found,) = (each for each in self.steps if each.step.title == title)
        return found.conclusion


@dataclass(frozen=True, kw_only=True)
class Player:
    """Plays the jobs of one run of a workflow."""

    workflow: Workflow
    #: The contexts of the run: `github`, `vars` and `secrets`.
    contexts: Mapping[str, Value]
    actions: Mapping[str, Action]
    #: A fresh machine for a job of this name.
    machine: Callable[[str], Machine]

    def play(self) -> list[JobResult]:
        """Every job; one with a matrix has a result for each of its entries."""
        results: dict[str, list[JobResult]] = {}
        while len(results) < len(self.workflow.jobs):
            name, job = next(self._ready(results))
            results[name] = list(self._instances(name, job, results))
        return [result for instances in results.values() for result in instances]

    def _ready(self, done: Mapping[str, object]) -> Iterator[tuple[str, Job]]:
        for name, job in self.workflow.jobs.items():
            if name not in done and all(need in done for need in job.needs):
                yield name, job

    def _instances(
        self, name: str, job: Job, done: Mapping[str, list[JobResult]]
    ) -> Iterator[JobResult]:
        needs = {need: _summary(done[need]) for need in job.needs}
        contexts = {**self.contexts, "needs": needs}
        good = all(need["result"] == "success" for need in needs.values())
        scope = Scope(
            contexts=contexts,
            functions={
                **FUNCTIONS,
                "success": lambda: good,
                "failure": lambda: any(need["result"] == "failure" for need in needs.values()),
                "always": lambda: True,
                "cancelled": lambda: False,
            },
        )
        if not holds(job.condition, scope):
            yield JobResult(name=name, result="skipped")
            return
        for entry in self._entries(job, scope):
            yield self._instance(name, job, {**contexts, "matrix": entry})

    def _entries(self, job: Job, scope: Scope) -> list[Value]:
        if job.strategy is None:
            return [{}]
        entries = filled(job.strategy.matrix.include, scope)
        assert isinstance(entries, list), entries
        return entries

    def _instance(self, name: str, job: Job, contexts: Mapping[str, Value]) -> JobResult:
        scope = Scope(contexts=contexts, functions=FUNCTIONS)
        title = as_text(filled(job.name or name, scope))
        machine = self.machine(title)
        github = {
            **contexts["github"],
            "token": token_of(job.permissions or self.workflow.permissions),
        }
        runner = {"temp": str(machine.temp), "os": "Linux"}
        contexts = {**contexts, "github": github, "runner": runner}
        env = texts(self.workflow.env, scope)
        env |= texts(job.env, Scope(contexts={**contexts, "env": env}, functions=FUNCTIONS))
        defaults = job.defaults if job.defaults.run.shell else self.workflow.defaults
        steps = Steps(
            machine=machine,
            contexts=contexts,
            actions=self.actions,
            defaults=defaults,
            env=env,
        )
        steps.play(job.steps)
        outputs = texts(job.outputs, steps.scope())
        result = "failure" if steps.failed else "success"
        return JobResult(name=title, result=result, outputs=outputs, steps=tuple(steps.results))


def token_of(permissions: Mapping[str, str]) -> str:
    """What a job's own token stands for; the stand-ins refuse what it may not do."""
    return " ".join(["token", *(f"{what}:{how}" for what, how in permissions.items())])


def _summary(instances: list[JobResult]) -> dict[str, Value]:
    results = {each.result for each in instances}
    result = next(each for each in ("failure", "success", "skipped") if each in results)
    outputs = {key: value for each in instances for key, value in each.outputs.items()}
    return {"result": result, "outputs": outputs}
