"""The steps of a job on GitHub Actions that deploys with our own command line.

It builds, uploads and releases in one step, and reads the configuration when it runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from dagstead.model.location import Kind
from dagstead.repository.files.yaml_text import Yaml
from dagstead.repository.workflows.expressions import expression
from dagstead.repository.workflows.github_steps import (
    TOKEN,
    Step,
    checkout,
    docker_steps,
    setup_python,
)
from dagstead.repository.workflows.options import Options, Pattern
from dagstead.repository.workflows.plan import PlannedSession


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSteps:
    """Makes the steps of a job."""

    options: Options
    #: The folder that is deployed, relative to the root of the repository.
    project_dir: str

    def of(self, sessions: tuple[PlannedSession, ...]) -> list[Yaml]:
        """All steps of the job that deploys."""
        names = [target.name for session in sessions for target in session.targets]
        images = [target for session in sessions for target in session.of_kind(Kind.HYBRID)]
        only = "matrix.kind == 'hybrid'" if self.options.pattern is Pattern.MATRIX else None
        return [
            *self._begin(whole=self._is_changed),
            *docker_steps(images, always=False, only=only),
            {"name": "Deploy", "env": self._env(), "run": self._deploy(names)},
        ]

    def closing(self) -> list[Yaml]:
        """The steps of the job that closes a branch deployment."""
        return [
            *self._begin(whole=False),
            {
                "name": "Close the branch deployment",
                "env": dict(TOKEN),
                "run": self._command("--branch-deployment", "--close"),
            },
        ]

    @property
    def _is_changed(self) -> bool:
        return self.options.pattern is Pattern.CHANGED

    def _begin(self, *, whole: bool) -> Iterator[Step]:
        yield checkout(whole=whole)
        yield setup_python(self.options.python)
        yield {"name": "Install the command line", "run": own_install()}

    def _env(self) -> dict[str, Yaml]:
        env: dict[str, Yaml] = dict(TOKEN)
        if self._is_changed:
            env["BASE_COMMIT"] = expression("github.event.pull_request.base.sha")
        return env

    def _deploy(self, names: list[str]) -> str:
        words = ["--python", shlex.quote(self.options.python)]
        match self.options.pattern:
            case Pattern.PER_LOCATION:
                words += [word for name in names for word in ("--location", shlex.quote(name))]
            case Pattern.MATRIX:
                words += ["--location", '"$LOCATION"']
            case Pattern.CHANGED:
                return self._deploy_changes(words)
            case _:
                pass
        return (
            'if [ "$GITHUB_EVENT_NAME" = pull_request ]; then\n'
            f"  {self._command(*words, '--branch-deployment')}\n"
            f"else\n  {self._command(*words)}\nfi"
        )

    def _deploy_changes(self, words: list[str]) -> str:
        # What is live is asked of the control plane: a run that failed or never ran left it old.
        since = ("--since", '"$BASE_COMMIT..."')
        return (
            'case "$GITHUB_EVENT_NAME" in\n'
            f"  pull_request) {self._command(*words, '--branch-deployment', *since)} ;;\n"
            f"  push) {self._command(*words, '--changed')} ;;\n"
            f"  *) {self._command(*words)} ;;\n"
            "esac"
        )

    def _command(self, *words: str) -> str:
        return own_deploy(self.options, self.project_dir, *words)


def own_install() -> str:
    """The command that installs our own command line."""
    return f"python -m pip install --disable-pip-version-check dagstead=={version('dagstead')}"


def own_deploy(options: Options, project_dir: str, *words: str) -> str:
    """The command that deploys a folder, relative to the root of the repository."""
    path = [] if project_dir == "." else [shlex.quote(project_dir)]
    deployment = ("--deployment", shlex.quote(options.deployment))
    return " ".join(("dagstead", "deploy", *path, *deployment, *words))
