"""Compiling the packages of environments, which user code cannot do: it may not write to them.

Without it every start would compile all that it imports. It is done behind the first start, with
what the machine has left over.
"""

from __future__ import annotations

import logging
import queue
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagstead.serverless.pex_tool import READABLE
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.sandbox.walls import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dagstead.serverless.sandbox.sandbox import Sandbox

#: In the folder of an unpacked PEX file; the tool of its owner cannot write there.
_DONE = "dagstead_compiled"
_SECONDS = 1800.0
_NICENESS = 19
logger = logging.getLogger("dagstead.serverless.compiling")


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """Compiles one unpacked PEX file after another, in a thread of its own."""

    sandbox: Sandbox
    environment: Mapping[str, str]
    #: Ends what is under way.
    stop: threading.Event
    _waiting: queue.Queue[tuple[Path, Path]] = field(default_factory=queue.Queue)
    _started: threading.Event = field(default_factory=threading.Event)

    def compile_later(self, python: Path, trees: Iterable[Path]) -> None:
        """Compile the trees of an environment, those that are not yet, when nothing else waits.

        Args:
            python: the environment's interpreter.
            trees: the folders of unpacked PEX files.
        """
        if self.sandbox.walls.level is Level.NONE:
            # There every program writes what it has compiled.
            return
        for tree in trees:
            if not (tree / _DONE).exists():
                self._waiting.put((python, tree))
        if not self._started.is_set():
            self._started.set()
            threading.Thread(target=self._work, name="compiling", daemon=True).start()

    def _work(self) -> None:
        while not self.stop.is_set():
            python, tree = self._waiting.get()
            if not tree.is_dir() or (tree / _DONE).exists():
                continue
            try:
                self._compile(python, tree)
                (tree / _DONE).touch()
            except (OSError, subprocess.SubprocessError) as error:
                logger.info("The packages in %s were not compiled: %s", tree, error)

    def _compile(self, python: Path, tree: Path) -> None:
        owner, name = Owner.package(tree.name), f"compile-{tree.name}"
        program = Program(
            # Not the environment's own, which runs what users' packages bring for its start.
            command=[str(python.resolve()), "-I", "-S", "-m", "compileall", "-q", str(tree)],
            environment=self.environment,
            folder=tree,
            written=(tree,),
            umask=READABLE,
            niceness=_NICENESS,
        )
        try:
            with self.sandbox.around(name, owner, program) as start:
                # Files that are no valid Python, such as templates, fail and do no harm.
                subprocess.run(  # noqa: S603 - behind the walls
                    start.command,
                    env=dict(start.environment),
                    pass_fds=start.descriptors,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_SECONDS,
                    check=False,
                )
        finally:
            self.sandbox.end(owner, name)
