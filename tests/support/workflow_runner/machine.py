"""A machine that a job runs on: its folders, its programs, and scripts that it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environments import Environment

#: What GitHub runs for `shell: bash`.
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")

#: The files by which a step talks to the runner, by their variable.
COMMAND_FILES = (
    "GITHUB_ENV",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
)

#: Variables that tell a program which CI it is in.
_FOREIGN = ("CI", "GITHUB_", "GITLAB_", "GH_", "RUNNER_")

_PROGRAMS = Path(__file__).parent / "programs"

#: What the `docker` of a machine has done, in its folder.
_DOCKER = "docker.json"

_HEREDOC = re.compile(r"(?P<name>[^=<]+)<<(?P<end>.+)")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a script ended."""

    exit_code: int
    #: Everything that it printed.
    log: str
    #: What it wrote into the files of `COMMAND_FILES`.
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A fresh one: its folders are empty."""

    folder: Path
    #: What every process on it gets, besides its own.
    variables: Mapping[str, str]

    @property
    def workspace(self) -> Path:
        """Where the repository is checked out."""
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        """Empty at the beginning of a job."""
        return self.folder / "temp"

    def prepare(self) -> None:
        """Make its folders."""
        for each in (self.workspace, self.temp):
            each.mkdir(parents=True)

    def run(
        self,
        script: str,
        *,
        shell: tuple[str, ...] = BASH,
        variables: Mapping[str, str],
        folder: Path,
        timeout_seconds: float,
    ) -> Ended:
        """Run a script to its end.

        Raises:
            subprocess.TimeoutExpired: when it takes longer.
        """
        number = len(list(self.temp.glob("script-*")))
        path = self.temp / f"script-{number}.sh"
        path.write_text(script, encoding="utf-8")
        files = {name: self.temp / f"{name.lower()}-{number}" for name in COMMAND_FILES}
        for file in files.values():
            file.touch()
        done = subprocess.run(
            [*shell, str(path)],
            cwd=folder,
            env={
                **self.variables,
                **variables,
                **{name: str(each) for name, each in files.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        return Ended(
            exit_code=done.returncode,
            log=done.stdout,
            files={name: each.read_text(encoding="utf-8") for name, each in files.items()},
        )


def prepared_machine(
    folder: Path, environment: Environment, variables: Mapping[str, str]
) -> Machine:
    """A machine with the programs of an environment, and those that stand in for services."""
    base = environment.variables()
    home = folder / "home"
    machine = Machine(
        folder=folder,
        variables={
            **{key: value for key, value in base.items() if not key.startswith(_FOREIGN)},
            **variables,
            "HOME": str(home),
            "PATH": os.pathsep.join([str(_PROGRAMS), base["PATH"]]),
            "STAND_IN_DOCKER": str(folder / _DOCKER),
            # The packages that jobs install are here, with all that they need: to look through
            # that again takes seconds.
            "PIP_NO_DEPS": "1",
            # Downloads are shared with everything else on this machine.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        },
    )
    machine.prepare()
    home.mkdir()
    return machine


def pushed_images(machines: Iterable[Path]) -> list[dict[str, Any]]:
    """What was pushed by the `docker` of machines, by their folders; oldest first."""
    records = [path / _DOCKER for path in machines if (path / _DOCKER).exists()]
    return [
        image
        for record in sorted(records, key=lambda each: each.stat().st_mtime)
        for image in json.loads(record.read_text(encoding="utf-8"))["images"]
    ]


def assignments(text: str) -> dict[str, str]:
    """What a step wrote into ``GITHUB_ENV`` or ``GITHUB_OUTPUT``.

    Raises:
        ValueError: for a line that is none.
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        heredoc = _HEREDOC.fullmatch(line)
        if heredoc:
            value = []
            for inner in lines:
                if inner == heredoc["end"]:
                    break
                value.append(inner)
            else:
                message = f"{line!r} has no end"
                raise ValueError(message)
            found[heredoc["name"]] = "\n".join(value)
        elif "=" in line:
            name, _, single = line.partition("=")
            found[name] = single
        elif line:
            message = f"{line!r} assigns nothing"
            raise ValueError(message)
    return found
