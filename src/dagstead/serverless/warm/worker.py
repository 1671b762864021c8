"""A run worker that has imported everything before it is told its run.

Run as ``python worker.py ORIGIN INSTANCE`` by the interpreter of a location, where nothing of this
project is installed: a serialized ``RepositoryPythonOrigin`` and ``InstanceRef``. Its standard
input is a socket, on which it gets one order (:mod:`.standby`). When that is closed before, nobody
needs it any more.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import random
import runpy
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("!I")
_OUTPUTS = (1, 2)
#: Of the numbers behind the name in /proc/PID/stat (man 5 proc_pid_stat): where its words are.
_WORDS = slice(45, 47)
#: The place of that argument among those of Dagster's executor.
_START_METHOD = 3
_TOKEN = "DAGSTER_CLOUD_AGENT_TOKEN"  # noqa: S105 - the name of a variable
#: What a worker says that has imported its code, and one whose code asks for the token meanwhile.
IMPORTED = b"I"
ASKED_FOR_TOKEN = b"T"
_OPEN_IN_GRPC = frozenset({"Channel", "Server", "_Server"})


def main() -> None:
    """Import everything, wait for the order, and become what ``python -m dagster`` would be."""
    # As for a module that is run: not the folder of this file.
    sys.path[0] = str(Path.cwd())
    line = socket.socket(fileno=os.dup(0))
    _read_nothing()
    _try_to(_import_dagster)
    _try_to(lambda: _make_instance(sys.argv[2]))
    seeds, token = _Seeds(), _TokenWatch()
    with seeds, token:
        _try_to(lambda: _import_code(sys.argv[1]))
    # Whoever has sent the order meanwhile does not listen any more.
    with suppress(OSError):
        line.sendall(ASKED_FOR_TOKEN if token.is_asked_for else IMPORTED)
    obstacle = _obstacle_to_forks()
    order = _order_from(line)
    line.close()
    if order is None:
        return
    told, output = order
    _print_into(output)
    os.environ.update(told["environment"])
    if token.is_asked_for:
        # What it has imported is not what the run would have.
        program = [sys.executable, "-m", "dagster", *told["arguments"]]
        os.execv(sys.executable, program)  # noqa: S606 - without a shell
    _carry_out(told, obstacle=obstacle, seeds=seeds)


def _print_into(output: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in _OUTPUTS:
        os.dup2(output, stream)
    os.close(output)


def _carry_out(order: Mapping[str, Any], *, obstacle: str | None, seeds: _Seeds) -> None:
    # Whole, the words would need more room than this process was started with.
    _show_in_process_list([sys.executable, "-m", "dagster", "api", "execute_run", order["run_id"]])
    if obstacle is None:
        seeds.keep_in_forks()
        _fork_steps()
    else:
        sys.stderr.write(f"Steps in processes of their own import its code anew: {obstacle}.\n")
    sys.argv = ["dagster", *order["arguments"]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


def _show_in_process_list(words: Sequence[str]) -> None:
    """Have this process be listed by its run, for whoever looks for that on the machine."""
    stat = Path("/proc/self/stat").read_text(encoding="latin1").rpartition(")")[2].split()
    begin, end = (int(number) for number in stat[_WORDS])
    if begin < end:
        text = os.fsencode("\0".join(words))[: end - begin - 1]
        ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)


def _read_nothing() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _try_to(import_some: Callable[[], None]) -> None:
    """What cannot be imported fails again in the run, which then has the error."""
    try:
        import_some()
    except BaseException as error:  # noqa: BLE001 - user code may raise anything
        sys.stderr.write(f"Nothing was imported ahead of the run: {error!r}\n")


def _import_dagster() -> None:
    import_module("dagster._cli.api")
    dagster = import_module("dagster")

    def nothing() -> None:
        pass

    op = dagster.op(nothing)
    rehearsal = dagster.job(name="rehearsal")(lambda: op() and None)
    # Much of what a run needs is imported when it is used for the first time.
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dagster.DagsterInstance.ephemeral() as instance:
        rehearsal.execute_in_process(instance=instance, run_config=silent)


def _make_instance(serialized: str) -> None:
    """Make an instance as the run will, and nothing with it: its classes are imported by that."""
    reference = import_module("dagster._serdes").deserialize_value(serialized)
    # The run has the token; here it is only necessary that there is one.
    os.environ[_TOKEN] = "none"
    try:
        with import_module("dagster").DagsterInstance.from_ref(reference) as instance:
            for part in ("run_storage", "event_log_storage", "schedule_storage"):
                getattr(instance, part)
    finally:
        del os.environ[_TOKEN]


def _import_code(serialized: str) -> None:
    origin = import_module("dagster._serdes").deserialize_value(serialized)
    origin.code_pointer.load_target()


class _Seeds:
    """Whether code has chosen what is random when it was imported.

    Python makes that anew in each fork. In a process that imports the code it is as chosen.
    """

    def __init__(self) -> None:
        self._chosen: tuple[Any, ...] | None = None

    def __enter__(self) -> None:
        self._seed = random.seed
        random.seed = self._note

    def __exit__(self, *_exception: object) -> None:
        random.seed = self._seed
        if self._chosen is not None:
            self._chosen = random.getstate()

    def _note(self, *arguments: Any, **named: Any) -> None:
        self._seed(*arguments, **named)
        self._chosen = random.getstate()

    def keep_in_forks(self) -> None:
        """Let forks begin as code that is imported anew would."""
        chosen = self._chosen
        if chosen is not None:
            os.register_at_fork(after_in_child=lambda: random.setstate(chosen))


class _TokenWatch:
    """Whether code asks for the token when it is imported: a worker that waits has none yet."""

    def __init__(self) -> None:
        self.is_asked_for = False
        self._encode: Any = os.environ.encodekey

    def __enter__(self) -> None:
        os.environ.encodekey = self._note

    def __exit__(self, *_exception: object) -> None:
        os.environ.encodekey = self._encode

    def _note(self, key: str) -> Any:
        self.is_asked_for = self.is_asked_for or key == _TOKEN
        return self._encode(key)


def _obstacle_to_forks() -> str | None:
    """Why a fork of this process would not be as good as one that imports the code itself."""
    if sys.version_info >= (3, 14):
        return "this version of Python starts them in another way"
    if len(list(Path("/proc/self/task").iterdir())) > 1 or threading.active_count() > 1:
        return "it starts threads when it is imported"
    if "numpy" in sys.modules:
        return "it imports NumPy, whose random numbers would be the same in all of them"
    if any(_is_of_grpc(each) for each in gc.get_objects()):
        return "it opens a gRPC channel or server when it is imported"
    return None


def _is_of_grpc(found: object) -> bool:
    kind = type(found)
    return kind.__name__ in _OPEN_IN_GRPC and str(kind.__module__).startswith("grpc.")


def _fork_steps() -> None:
    """Have steps that are processes of their own start as forks of this process as it is now.

    It is Python's own way (``forkserver``), with this process in place of a new one. Where a job
    asks for a way to start them, it is left alone.
    """
    listener = socket.socket(socket.AF_UNIX)
    # A path by a descriptor: the folder's own may be too long for the address of a socket.
    folder = os.open(tempfile.mkdtemp(), os.O_RDONLY)
    address = f"/proc/self/fd/{folder}/steps"
    listener.bind(address)
    listener.listen()
    of_server, of_run = os.pipe()
    server = os.fork()
    if server == 0:
        os.close(of_run)
        try:
            forkserver.main(listener.detach(), of_server, [])
        finally:
            os._exit(1)
    os.close(of_server)
    listener.close()
    known: Any = forkserver._forkserver  # noqa: SLF001 - it starts one only if it knows none
    known._forkserver_address = address  # noqa: SLF001 - as above
    known._forkserver_alive_fd = of_run  # noqa: SLF001 - as above
    known._forkserver_pid = server  # noqa: SLF001 - as above
    executor = import_module("dagster._core.executor.multiprocess").MultiprocessExecutor
    make = executor.__init__

    def make_with_forks(made: object, *given: Any, **named: Any) -> None:
        if len(given) <= _START_METHOD:
            named["start_method"] = named.get("start_method") or "forkserver"
        make(made, *given, **named)

    executor.__init__ = make_with_forks


def _order_from(line: socket.socket) -> tuple[Mapping[str, Any], int] | None:
    """The order, and the descriptor of the file for all that the run prints."""
    size = array.array("i").itemsize
    try:
        head, parts, _, _ = line.recvmsg(_LENGTH.size, socket.CMSG_SPACE(size))
    except ConnectionResetError:
        # Nobody has read what it said, and nobody needs it.
        return None
    if not head:
        return None
    descriptors = array.array("i")
    for level, kind, data in parts:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[:size])
    (length,) = _LENGTH.unpack(head + _exactly(line, _LENGTH.size - len(head)))
    return json.loads(_exactly(line, length)), descriptors[0]


def _exactly(line: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = line.recv(length - len(found))
        if not part:
            msg = "The order ends in the middle."
            raise EOFError(msg)
        found += part
    return found


if __name__ == "__main__":
    main()
