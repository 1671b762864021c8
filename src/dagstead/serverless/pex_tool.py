"""Turning a PEX file into a virtual environment with the PEX tool."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.errors import PexError
from dagstead.serverless.home import remove
from dagstead.serverless.unpacking import REFUSED, UnpackOrder

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.unpacking import Quota

#: Three seconds are usual for Dagster and its dependencies; a machine-learning stack on a slow
#: disk takes minutes.
_UNPACK_SECONDS = 900.0
_POLL_SECONDS = 0.5
_OUTPUT_LINES = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpackTool:
    """How PEX files are unpacked."""

    home: PoolHome
    #: What the tool is started with.
    environment: Mapping[str, str]
    stop: threading.Event
    quota: Quota


def unpack(tool: UnpackTool, source: Path, name: str, target: Path, *, python: Path) -> None:
    """Make ``target`` a virtual environment of ``python`` with all that is in the PEX ``source``.

    ``name`` is that of the file in the store. ``target`` must not exist. The tool's own cache is a
    scratch folder of the pool that is gone afterwards, so that nothing is written to the user's
    ``~/.pex``. Only what it has found out about the machine's Pythons stays: asking them takes
    longer than unpacking small files.

    Raises:
        PexError: The file is no PEX, is too large, or cannot be unpacked with this Python, or
            ``stop`` was set meanwhile.
    """
    home, stop = tool.home, tool.stop
    run = _Run(tool=tool, source=source, name=name, target=target, python=python)
    code, output = run.unpack(interpreters=home.interpreters)
    if code > 0 and code != REFUSED and not stop.is_set():
        # The tool refused, and was not killed. It trusts its cache, which may be damaged, for
        # example by a full disk.
        code, output = run.unpack(interpreters=None)
        if code == 0:
            for path in home.interpreters.iterdir():
                remove(path)
    if code == 0:
        return
    if code == REFUSED:
        raise PexError(output)
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
class _Run:
    tool: UnpackTool
    source: Path
    name: str
    target: Path
    python: Path

    def unpack(self, *, interpreters: Path | None) -> tuple[int, str]:
        """The exit code and the last output; a bad end leaves no ``target``.

        The tool adds to what is known of Pythons in ``interpreters``; without it, it begins anew.
        """
        cache = self.tool.home.scratch / f"pex-{uuid4().hex}"
        order = UnpackOrder(
            source=self.source,
            name=self.name,
            target=self.target,
            python=self.python,
            cache=cache,
            quota=self.tool.quota,
        )
        cache.mkdir()
        if interpreters is not None:
            link = cache / "interpreters"
            link.symlink_to(interpreters.resolve(), target_is_directory=True)
        environment = {**self.tool.environment, "PEX_ROOT": str(cache)}
        try:
            code, output = _run(order.command(), environment, self.tool.stop)
        finally:
            remove(cache)
        if code != 0:
            remove(self.target)
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
