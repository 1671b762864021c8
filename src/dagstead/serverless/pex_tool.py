"""Turning a PEX file into a virtual environment with the PEX tool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.errors import PexError
from dagstead.serverless.home import remove

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from dagstead.serverless.home import PoolHome

#: Three seconds are usual for Dagster and its dependencies; a machine-learning stack on a slow
#: disk takes minutes.
_UNPACK_SECONDS = 900.0
_POLL_SECONDS = 0.5
_OUTPUT_LINES = 25


def unpack(
    source: Path,
    target: Path,
    *,
    python: Path,
    home: PoolHome,
    environment: Mapping[str, str],
    stop: threading.Event,
) -> None:
    """Make ``target`` a virtual environment of ``python`` with all that is in the PEX ``source``.

    ``target`` must not exist. The tool's own cache is a scratch folder of ``home`` that is gone
    afterwards, so that nothing is written to the user's ``~/.pex``. Only what it has found out
    about the machine's Pythons stays: asking them takes longer than unpacking small files.

    Raises:
        PexError: The file cannot be unpacked with this Python, or ``stop`` was set meanwhile.
    """
    tool = _Tool(scratch=home.scratch, environment=environment, stop=stop)
    code, output = tool.unpack(source, target, python, interpreters=home.interpreters)
    if code > 0 and not stop.is_set():
        # The tool refused, and was not killed. It trusts its cache, which may be damaged, for
        # example by a full disk.
        code, output = tool.unpack(source, target, python, interpreters=None)
        if code == 0:
            for path in home.interpreters.iterdir():
                remove(path)
    if code == 0:
        return
    if stop.is_set():
        msg = f"PEX file {source.name} was not unpacked: the pool is stopping."
    else:
        msg = (
            f"PEX file {source.name} could not be unpacked with {python} "
            f"(exit code {code}). Most often it was built for another Python or platform: "
            "compare `--python-version` of the build with the pool's machine. The tool said:\n"
            f"{output}"
        )
    raise PexError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tool:
    scratch: Path
    environment: Mapping[str, str]
    stop: threading.Event

    def unpack(
        self, source: Path, target: Path, python: Path, *, interpreters: Path | None
    ) -> tuple[int, str]:
        """The exit code and the last output; a bad end leaves no ``target``.

        The tool adds to what is known of Pythons in ``interpreters``; without it, it begins anew.
        """
        cache = self.scratch / f"pex-{uuid4().hex}"
        command = [
            *(sys.executable, "-m", "pex.cli", "venv", "create"),
            *("--pex-repository", str(source)),
            *("--dest-dir", str(target)),
            *("--python", str(python)),
            *("--pex-root", str(cache)),
            # Several distributions may bring one file: dbt/__init__.py is in every dbt adapter.
            "--collisions-ok",
            # Scripts must see the other environments that are searched together with this one.
            "--non-hermetic-scripts",
        ]
        cache.mkdir()
        if interpreters is not None:
            link = cache / "interpreters"
            link.symlink_to(interpreters.resolve(), target_is_directory=True)
        try:
            code, output = _run(command, {**self.environment, "PEX_ROOT": str(cache)}, self.stop)
        finally:
            remove(cache)
        if code != 0:
            remove(target)
        return code, output


def _run(
    command: list[str], environment: Mapping[str, str], stop: threading.Event
) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        waited = 0.0
        while True:
            try:
                output, _ = process.communicate(timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                waited += _POLL_SECONDS
                if stop.is_set() or waited > _UNPACK_SECONDS:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            else:
                return process.returncode, "\n".join(output.splitlines()[-_OUTPUT_LINES:])
