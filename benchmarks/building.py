"""Times ``dagstead build`` against the official ``ci build`` on the same serverless location.

Both build ``examples/monorepo/weather`` on this machine, in turn, with caches of their own: empty
("cold"), and after a change of one source file. The official command also uploads what it builds,
to a control plane on this machine, where it keeps dependencies too. Prints a table of medians.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from dagstead.testing import eventually
from tests.support.environments import REPOSITORY
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

_TIMES = 3
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A copy of the location, and a control plane for the official command."""

    folder: Path
    url: str
    token: str
    taken: dict[str, list[float]] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """The location's folder."""
        return self.folder / "weather"

    def round(self, number: int) -> None:
        """Time everything once, with empty caches first."""
        caches = self.folder / f"caches-{number}"
        for name in ("pex", "uv-official", "uv", "dagstead"):
            (caches / name).mkdir(parents=True)
        tag = f"round-{number}"
        for when in ("cold", "source changed"):
            self._change(f"{number}, {when}")
            self._official(when, caches)
            self._ours(when, caches, load=False)
        # The official command keeps dependencies only when it is told to.
        tag = f"round-{number}"
        for when in ("dependencies kept", "source changed, dependencies kept"):
            self._change(f"{number}, {when}")
            self._official(when, caches, tag)
        for when in ("and loaded, the first time", "and loaded, source changed"):
            self._change(f"{number}, {when}")
            self._ours(when, caches, load=True)

    def median(self, name: str) -> float:
        """The seconds that something took."""
        return statistics.median(self.taken[name])

    def _official(self, when: str, caches: Path, tag: str | None = None) -> None:
        variables = {
            "DAGSTER_CLOUD_URL": self.url,
            "DAGSTER_CLOUD_API_TOKEN": self.token,
            "DAGSTER_CLOUD_ORGANIZATION": "dagstead",
            "DAGSTER_CLOUD_DEPLOYMENT": "prod",
            "DAGSTER_BUILD_STATEDIR": str(self.folder / "session"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PEX_ROOT": str(caches / "pex"),
            "UV_CACHE_DIR": str(caches / "uv-official"),
            "HOME": str(self.folder),
        }
        ci = str(_PROGRAMS / "dagster-cloud"), "ci"
        self._run((*ci, "init", "--project-dir", "."), variables)
        kept = ("--pex-deps-cache-from", tag, "--pex-deps-cache-to", tag) if tag else ()
        command = (
            *(*ci, "build", "--build-strategy", "python-executable"),
            *("--pex-build-method", "local", "--python-version", _PYTHON, *kept),
        )
        self._time(f"official, {when}", command, variables)

    def _ours(self, when: str, caches: Path, *, load: bool) -> None:
        command = (
            *(str(_PROGRAMS / "dagstead"), "build", "--output", str(self.folder / "built")),
            *("--cache", str(caches / "dagstead"), "--python", _PYTHON),
            *(() if load else ("--no-load",)),
        )
        self._time(f"ours, {when}", command, {"UV_CACHE_DIR": str(caches / "uv")})

    def _time(self, name: str, command: tuple[str, ...], variables: Mapping[str, str]) -> None:
        begin = time.perf_counter()
        self._run(command, variables)
        self.taken.setdefault(name, []).append(time.perf_counter() - begin)

    def _run(self, command: tuple[str, ...], variables: Mapping[str, str]) -> None:
        path = f"{_PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(  # noqa: S603 - our own words
            command,
            cwd=self.project,
            env={**os.environ, "PATH": path, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")

    def _change(self, what: str) -> None:
        with (self.project / "src" / "weather" / "cities.py").open("a", encoding="utf-8") as file:
            file.write(f"# {what}\n")


def main() -> None:
    """Run all rounds, and print the table."""
    with tempfile.TemporaryDirectory() as folder, _control_plane(Path(folder)) as contest:
        example = REPOSITORY / "examples" / "monorepo" / "weather"
        shutil.copytree(example, contest.project)
        for number in range(_TIMES):
            contest.round(number)
        sys.stdout.write(f"examples/monorepo/weather; median of {_TIMES}, in seconds\n")
        for name, seconds in contest.taken.items():
            each = " ".join(f"{one:6.1f}" for one in seconds)
            sys.stdout.write(f"{name:44} {contest.median(name):6.1f}   ({each})\n")
        for ours, theirs in (
            ("cold", "cold"),
            ("source changed", "source changed"),
            ("source changed", "source changed, dependencies kept"),
        ):
            share = contest.median(f"ours, {ours}") / contest.median(f"official, {theirs}")
            sys.stdout.write(f"{share:.2f} of official, {theirs}\n")


@contextmanager
def _control_plane(folder: Path) -> Iterator[Contest]:
    port, data, program = free_port(), folder / "data", str(_PROGRAMS / "dagstead")
    url = f"http://127.0.0.1:{port}"
    command = (program, "web", "--data", str(data), "--port", str(port))
    with ChildProcess(command, log=folder / "web.log", cwd=folder):
        eventually(
            lambda: httpx.get(f"{url}/health", trust_env=False).is_success,
            120,
            "the control plane",
            retry_on=(httpx.TransportError,),
        )
        _said(program, "deployment", "create", "prod", "--data", str(data))
        token = _said(program, "token", "create", "--name", "bench", "--data", str(data))
        yield Contest(folder=folder, url=url, token=token)


def _said(*command: str) -> str:
    ended = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return ended.stdout.strip()


if __name__ == "__main__":
    main()
