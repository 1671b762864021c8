"""Runs programs of its environment, each in a fork of this process, which has them imported.

It is started by ``tests.support.warm_programs`` with the number of a socket, and what to import. A
message on that socket is what to run, with three files: its output, its errors, and the socket on
which its number and its exit code are said.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import traceback
from importlib.metadata import entry_points
from typing import Any, NoReturn

_MOST_BYTES = 1 << 20


class Forks:
    """The programs that run, and who waits for their end."""

    def __init__(self, control: socket.socket, programs: dict[str, Any]) -> None:
        self._control = control
        self._programs = programs
        self._callers: dict[int, socket.socket] = {}
        # A child that ends writes a byte here, through the handler of its signal.
        self._ended, self._bell = socket.socketpair()
        self._ended.settimeout(0)
        self._bell.settimeout(0)

    def serve(self) -> None:
        """Run what is asked for, until nobody can ask any more and all have ended."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        heard = [self._control, self._ended]
        while self._control in heard or self._callers:
            ready, _, _ = select.select(heard, [], [])
            if self._ended in ready:
                self._ended.recv(_MOST_BYTES)
                self._tell_ends()
            if self._control in ready and not self._start():
                heard.remove(self._control)

    def _start(self) -> bool:
        message, files, _, _ = socket.recv_fds(self._control, _MOST_BYTES, 3)
        if not message:
            return False
        output, errors, caller = files
        number = os.fork()
        if number == 0:
            self._forget()
            os.close(caller)
            _run(self._programs, json.loads(message), output, errors)
        self._callers[number] = socket.socket(fileno=caller)
        self._tell(self._callers[number], number)
        os.close(output)
        os.close(errors)
        return True

    def _tell_ends(self) -> None:
        while self._callers:
            number, status = os.waitpid(-1, os.WNOHANG)
            if number == 0:
                return
            with self._callers.pop(number) as caller:
                self._tell(caller, os.waitstatus_to_exitcode(status))

    def _tell(self, caller: socket.socket, number: int) -> None:
        try:
            caller.send(str(number).encode())
        except OSError:
            # Nobody waits for it any more.
            return

    def _forget(self) -> None:
        """Close what is this process's own, in a fork."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._control, self._ended, self._bell, *self._callers.values()):
            each.close()


def _run(programs: dict[str, Any], asked: dict[str, Any], output: int, errors: int) -> NoReturn:
    code = 1
    try:
        _become(asked, output, errors)
        code = _exit_code(programs[asked["program"]])
        # What the interpreter does at its end. It would then take apart all that is imported.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become(asked: dict[str, Any], output: int, errors: int) -> None:
    """Have what a process of its own would have."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.close(errors)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    sys.argv[:] = asked["words"]
    random.seed()


def _exit_code(program: Any) -> int:
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code
    if code is None or isinstance(code, int):
        return code or 0
    sys.stderr.write(f"{code}\n")
    return 1


def _imported(commands: list[str], modules: list[str]) -> dict[str, Any]:
    names = {command.partition(" ")[0] for command in commands}
    found = entry_points(group="console_scripts")
    programs = {each.name: each.load() for each in found if each.name in names}
    for module in modules:
        importlib.import_module(module)
    for command in commands:
        # Programs import late, too: the help of a group imports all its commands.
        sys.argv[:] = [*command.split(), "--help"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            programs[sys.argv[0]]()
    gc.collect()
    gc.freeze()
    return programs


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    Forks(control, _imported(**json.loads(sys.argv[2]))).serve()
