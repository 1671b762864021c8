"""The programs that the demo runs: in the background or to their end, with logs in ``.demo``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".demo"
BIN = Path(sys.executable).parent

console = Console()


class DemoError(Exception):
    """The demo could not go on; the message says why and where to look."""


def token(name: str, *options: str) -> str:
    """A new token of the control plane."""
    command = [str(BIN / "dagstead"), "token", "create", "--name", name, *options]
    done = subprocess.run(
        [*command, "--data", str(HOME / "data")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoError(done.stderr)
    return done.stdout.strip()


def cli(environment: Mapping[str, str], *arguments: str) -> None:
    """One ``dagster-cloud`` command; its output is shown if it fails."""
    command = ["dagster-cloud", *arguments]
    step("", " ".join(command).replace(str(ROOT) + "/", ""))
    output = HOME / f"{arguments[0]}-{arguments[1]}.log"
    with output.open("wb") as file:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env={**clean_environment(), **environment},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise DemoError(f"`{' '.join(command)}` failed:\n{output.read_text()[-6000:]}")


def git() -> list[str]:
    """The commit that is deployed, if this folder is a clone."""
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    commit = found.stdout.strip() if found.returncode == 0 else "0" * 40
    return ["--git-url", "https://example.com/monorepo", "--commit-hash", commit]


@contextmanager
def child(name: str, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the background whose output goes to ``.demo/NAME.log``; ended at the end."""
    with (HOME / f"{name}.log").open("wb") as file:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            env={**clean_environment(), **variables},
            cwd=HOME,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of other installations."""
    foreign = ("DAGSTER", "DAGSTEAD", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def ended_early(name: str, process: subprocess.Popen[bytes]) -> None:
    """Raise when a process that should run has ended."""
    if process.poll() is not None:
        raise DemoError(f"{name} ended with code {process.returncode}:\n{log(name)}")


def log(name: str) -> str:
    """The end of a child's log."""
    return (HOME / f"{name}.log").read_text()[-3000:]


def step(title: str, command: str) -> None:
    """Say what happens next, and the command to do it by hand."""
    if title:
        console.print(f"[bold]{title}[/]")
    if command:
        console.print(f"  [dim]$ {command}[/]", highlight=False, soft_wrap=True)


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
