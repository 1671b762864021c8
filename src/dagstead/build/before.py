"""``[tool.dagstead] before-build``: what a repository makes itself before a location is built."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from dagstead.build.model import Preparation
from dagstead.build.programs import Programs
from dagstead.build.steps import Steps
from dagstead.errors import DagsteadError
from dagstead.repository.files.tool_table import read_tool_table


def before_build(directory: Path, root: Path) -> Preparation | None:
    """What the nearest ``pyproject.toml`` with such commands says, from a build folder upwards.

    Args:
        directory: the build folder.
        root: the root of the project, where looking ends.

    Raises:
        InvalidInputError: when it is not a list of commands.
    """
    for folder in (directory, *directory.parents):
        file = folder / "pyproject.toml"
        commands = read_tool_table(file, os.path.relpath(file, root)).before_build
        if commands:
            name = os.path.relpath(file, root)
            return Preparation(file=name, folder=folder, commands=commands)
        if folder == root or root not in folder.parents:
            return None
    return None


class Preparations:
    """Runs each one once, however many locations it is for. Safe to use from several threads."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
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
                    ("sh", "-c", command), folder=preparation.folder, on_line=steps.line
                )
                ended.check(
                    f"A command that {preparation.file} has before the build ended with exit code "
                    f"{ended.code}: {command}",
                    output=ended.lines,
                    command=command,
                )
            except DagsteadError as error:
                return error
        return None
