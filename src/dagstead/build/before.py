"""``[tool.dagstead] before-build``: what a repository makes itself before a location is built."""

from __future__ import annotations

import threading
from pathlib import Path

from dagstead.build.programs import Programs
from dagstead.build.steps import Steps
from dagstead.errors import DagsteadError
from dagstead.repository.files.before_build import Preparation


class Preparations:
    """Runs each one once, however many locations it is for. Safe to use from several threads."""

    def __init__(self, programs: Programs, root: Path) -> None:
        self._programs = programs
        self._root = root
        self._lock = threading.Lock()
        self._ended: dict[Preparation, DagsteadError | None] = {}

    def run(self, preparation: Preparation, steps: Steps) -> None:
        """Run its commands one after the other, with a shell.

        Raises:
            BuildStepError: when one fails, with the end of its output.
        """
        with self._lock, steps.step("before-build") as step:
            if preparation not in self._ended:
                self._ended[preparation] = self._run(preparation, steps)
            else:
                step.remark = "run already"
            error = self._ended[preparation]
            if error is not None:
                raise error

    def _run(self, preparation: Preparation, steps: Steps) -> DagsteadError | None:
        for command in preparation.commands:
            try:
                ended = self._programs.run(
                    ("sh", "-c", command),
                    folder=self._root / preparation.folder,
                    on_line=steps.line,
                )
                ended.check(
                    f"The before-build command `{command}` of {preparation.file} ended with exit "
                    f"code {ended.code}.",
                    output=ended.lines,
                    command=command,
                )
            except DagsteadError as error:
                return error
        return None
