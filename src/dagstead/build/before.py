"""``[tool.dagstead] before-build``: what a repository makes itself before a location is built."""

from __future__ import annotations

import os
import threading
import tomllib
from pathlib import Path
from typing import Any

from dagstead.build.model import Preparation
from dagstead.build.programs import Programs
from dagstead.build.steps import Steps
from dagstead.errors import DagsteadError, InvalidInputError

_KEY = "before-build"


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
        name = os.path.relpath(file, root)
        commands = _commands(file, name)
        if commands:
            return Preparation(file=name, folder=folder, commands=commands)
        if folder == root or root not in folder.parents:
            return None
    return None


def _commands(file: Path, name: str) -> tuple[str, ...]:
    try:
        document: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # uv, or a rule, reports what cannot be read, with the place.
        return ()
    tool = document.get("tool")
    table = tool.get("dagstead") if isinstance(tool, dict) else None
    value = table.get(_KEY, []) if isinstance(table, dict) else []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        msg = f'{name}: [tool.dagstead] {_KEY} must be a list of texts: {_KEY} = ["…"].'
        raise InvalidInputError(msg)
    return tuple(value)


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
