"""Turning a PEX file into a virtual environment with the PEX tool."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import dagstead
from dagstead.errors import PexError
from dagstead.serverless.home import remove
from dagstead.serverless.sandbox.programs import Program
from dagstead.serverless.sandbox.reach import of_interpreter
from dagstead.serverless.unpacking import REFUSED, UnpackOrder

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.sandbox.programs import Owner, StartCommand
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.unpacking import Quota

#: Three seconds are usual for Dagster and its dependencies; a machine-learning stack on a slow
#: disk takes minutes.
_UNPACK_SECONDS = 900.0
_POLL_SECONDS = 0.5
_OUTPUT_LINES = 25
_ASK_SECONDS = 60.0
#: The program that unpacks is a part of it.
_PACKAGE = Path(dagstead.__file__).parent
#: The umask of what is unpacked: its folder keeps out those who may not read it.
READABLE = 0o022


@dataclass(frozen=True, kw_only=True, slots=True)
class PexTool:
    """The PEX tool, started behind the walls: PEX files come from users."""

    home: PoolHome
    sandbox: Sandbox
    #: All variables that it has.
    environment: Mapping[str, str]
    #: Ends what is under way.
    stop: threading.Event
    quota: Quota

    def unpack(self, source: Path, name: str, target: Path, python: Path, owner: Owner) -> None:
        """Make ``target`` a virtual environment of ``python`` with all that is in a PEX file.

        The tool's own cache is a scratch folder of the pool that is gone afterwards, so that
        nothing is written to the user's ``~/.pex``. Only what it has found out about the machine's
        Pythons stays: asking them takes longer than unpacking small files.

        Args:
            source: the PEX file, which its owner may read afterwards.
            name: of the file in the store.
            target: a folder that is not there yet.
            python: the interpreter.
            owner: of what is unpacked.

        Raises:
            PexError: The file is no PEX, is too large, or cannot be unpacked with this Python, or
                ``stop`` was set meanwhile.
        """
        self.sandbox.let_read(source, owner)
        cache = self.home.scratch / f"pex-{uuid4().hex}"
        order = UnpackOrder(
            source=source, name=name, target=target, python=python, cache=cache, quota=self.quota
        )
        code, output = self._do(order, owner, knows_pythons=True)
        if code > 0 and code != REFUSED and not self.stop.is_set():
            # The tool refused, and was not killed. It trusts its cache, which may be damaged, for
            # example by a full disk.
            code, output = self._do(order, owner, knows_pythons=False)
            if code == 0:
                for path in self.home.interpreters.iterdir():
                    remove(path)
        if code == 0:
            return
        if code == REFUSED:
            raise PexError(output)
        if self.stop.is_set():
            msg = f"PEX file {source.name} was not unpacked: the pool is stopping."
        else:
            msg = (
                f"PEX file {source.name} could not be unpacked with {python} "
                f"(exit code {code}). Most often it was built for another Python or platform: "
                "compare `--python-version` of the build with the pool's machine. The tool said:\n"
                f"{output}"
            )
        raise PexError(msg)

    def _do(self, order: UnpackOrder, owner: Owner, *, knows_pythons: bool) -> tuple[int, str]:
        """The exit code and the last output; a bad end leaves no target."""
        cache = order.cache
        self.sandbox.give_new(order.target, owner)
        self.sandbox.give_new(cache, owner)
        try:
            if knows_pythons:
                self._hand_out_interpreters(order.python, cache, owner)
            program = Program(
                command=order.command(),
                environment={**self.environment, "PEX_ROOT": str(cache)},
                folder=cache,
                read=(order.source, _PACKAGE, *of_interpreter(order.python)),
                written=(order.target, cache),
                umask=READABLE,
            )
            with self.sandbox.around(cache.name, owner, program) as start:
                code, output = _run(start, self.stop)
        finally:
            self.sandbox.end(owner, cache.name)
            remove(cache)
        if code != 0:
            remove(order.target)
        return code, output

    def _hand_out_interpreters(self, python: Path, cache: Path, owner: Owner) -> None:
        """Give the tool a copy of what is known of Pythons: what it adds is not to be trusted."""
        known = self.home.interpreters
        if not any(known.iterdir()):
            asked = self.home.scratch / f"ask-{uuid4().hex}"
            asked.mkdir()
            (asked / "interpreters").symlink_to(known.resolve(), target_is_directory=True)
            try:
                # Nothing of a user takes part in this.
                subprocess.run(  # noqa: S603 - our own command
                    [
                        *(sys.executable, "-m", "pex.cli", "interpreter", "inspect", "--verbose"),
                        *("--python", str(python), "--pex-root", str(asked)),
                    ],
                    env={**self.environment, "PEX_ROOT": str(asked)},
                    cwd=asked,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_ASK_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired):
                # The tool asks it itself.
                return
            finally:
                remove(asked)
        shutil.copytree(known, cache / "interpreters", symlinks=True)
        self.sandbox.give_tree(cache / "interpreters", owner)


def _run(start: StartCommand, stop: threading.Event) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S603 - our own command
        start.command,
        env=dict(start.environment),
        pass_fds=start.descriptors,
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
