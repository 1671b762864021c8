"""Runs programs of its environment, each in a fork of this process, which has them imported.

It is started by ``tests.support.warm_programs`` with the number of a socket. A message on that is
what to run, with three files: its output, its errors, and where its number and exit code go.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import socket
import sys
import traceback
from importlib.metadata import entry_points
from typing import Any, NoReturn

_MOST_BYTES = 1 << 20


def serve(control: socket.socket, names: list[str]) -> None:
    """Run what is asked for, until nobody can ask any more."""
    programs = {
        each.name: each.load()
        for each in entry_points(group="console_scripts")
        if each.name in names
    }
    gc.collect()
    gc.freeze()
    # Nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(control, _MOST_BYTES, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _run(programs, json.loads(message), *files)
        for file in files:
            os.close(file)


def _run(
    programs: dict[str, Any], asked: dict[str, Any], output: int, errors: int, caller: int
) -> NoReturn:
    code = 1
    with socket.socket(fileno=caller) as replies:
        try:
            replies.send(str(os.getpid()).encode())
            _become(asked, output, errors)
            code = _exit_code(programs[asked["program"]])
        except BaseException:  # noqa: BLE001 - as the interpreter would
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            replies.send(str(code).encode())
            os._exit(code)


def _become(asked: dict[str, Any], output: int, errors: int) -> None:
    """Have what a process of its own would have."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
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


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
