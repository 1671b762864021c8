"""What the pool knows of its run workers, kept in files so that it survives the agent."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from dagstead.errors import PexError, RunWorkerError
from dagstead.serverless.home import PoolHome, read_json, remove, write_json
from dagstead.serverless.processes import ProcessMark, as_signal, start_leader
from dagstead.serverless.run_worker import OF_ANOTHER_POOL, RunWorker, process_name
from dagstead.serverless.sandbox.limit_watch import LimitedProcess
from dagstead.serverless.sandbox.limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dagstead.serverless.sandbox.programs import Owner, Program
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.warm.standby import RunOrder, Standby

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLAIM = "claim.json"
_WORKER = "worker.json"
_EXIT = "exit.json"
_CANCEL = "cancel.json"
_OVER = "over_limit.json"
_OUTPUT = "worker.log"


class WorkerProgram(NamedTuple):
    """What a run worker executes."""

    program: Program
    #: The number of its token.
    token: int
    #: The same for a process that has imported its code; ``None`` has no such process do it.
    order: RunOrder | None = None


class _Begun(NamedTuple):
    """A worker's process."""

    #: In the sandbox.
    name: str
    process: subprocess.Popen[Any]
    mark: ProcessMark
    is_warm: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerStart:
    """A run worker that is to be started."""

    deployment: str
    #: The PEX environment; ``None`` for code that is not from a PEX.
    environment: str | None
    owner: Owner
    #: Called when it is clear that the worker is to be started. What it raises is passed on, and
    #: the launch may be tried again.
    program: Callable[[], WorkerProgram]
    #: A process that waits for this run, if there is one.
    standby: Callable[[], Standby | None] = lambda: None
    launch: int = 1


class RunRecords:
    """The run workers of a pool. Safe to use from several threads."""

    def __init__(self, *, home: PoolHome, clock: Callable[[], float], umask: int = -1) -> None:
        """Take the pool's folder, and the umask of workers; -1 is this process's own."""
        self.home = home
        self._umask = umask
        self._clock = clock

    def start(self, run_id: str, worker: WorkerStart, sandbox: Sandbox) -> RunWorker:
        """Start the worker of a launch, once.

        A second call for the same launch returns the first worker while that is alive. A later
        launch of the run starts another one, when the one before it has ended.

        Args:
            run_id: of the run.
            worker: to be started.
            sandbox: the walls around it.

        Raises:
            RunWorkerError: The run's worker has been started before and is gone, or the command
                cannot be started.
        """
        place = self._place(run_id)
        self._put_aside(run_id, before=worker.launch)
        if not _claim(place, worker.launch):
            return self._running_already(run_id)
        try:
            program, token, order = worker.program()
        except BaseException:
            remove(place)
            raise
        program = replace(program, umask=self._umask)
        try:
            with (place / _OUTPUT).open("wb") as output:
                # The worker has the lock with the file: it shows that there is one, even if this
                # agent is killed before it has written the record.
                fcntl.flock(output, fcntl.LOCK_EX)
                begun = _handed_over(worker.standby, order, output)
                if begun is None:
                    name = process_name(run_id, worker.launch)
                    with sandbox.around(name, worker.owner, program) as start:
                        begun = _Begun(name, *start_leader(start, output))
        except (OSError, PexError) as error:
            remove(place)
            msg = f"The worker of run {run_id} could not be started: {error}"
            raise RunWorkerError(msg) from error
        write_json(
            place / _WORKER,
            {
                "deployment": worker.deployment,
                "environment": worker.environment,
                "owner": [worker.owner.kind, worker.owner.name],
                "limits": program.limits.as_json(),
                "name": begun.name,
                "pid": begun.mark.pid,
                "started": begun.mark.started,
                "launch": worker.launch,
                "token": token,
            },
        )
        threading.Thread(
            target=_write_down_the_end,
            args=(begun.process, begun.mark, place / _EXIT),
            kwargs={
                "is_waited_for": sandbox.walls.bubblewrap is not None,
                "clean": partial(sandbox.end, worker.owner, begun.name),
            },
            name=f"run-worker-{run_id[:8]}",
            daemon=True,
        ).start()
        return RunWorker(
            run_id=run_id,
            deployment=worker.deployment,
            environment=worker.environment,
            process=begun.mark,
            is_alive=True,
            is_warm=begun.is_warm,
            name=begun.name,
            exit_code=None,
            cancelled_at=None,
            launch=worker.launch,
            tenant=worker.owner.folder,
            token=token,
            limits=program.limits,
        )

    def find(self, run_id: str) -> RunWorker | None:
        """The worker of a run; ``None`` when this pool has not started one."""
        place = self._place(run_id)
        worker = read_json(place / _WORKER)
        if worker is None:
            return None
        mark = ProcessMark(pid=worker["pid"], started=worker["started"])
        # In this order: the end is written down before the process is gone.
        runs = mark.is_alive()
        exit_code: int | None = (read_json(place / _EXIT) or {}).get("code")
        cancelled_at: float | None = (read_json(place / _CANCEL) or {}).get("at")
        return RunWorker(
            run_id=run_id,
            deployment=worker["deployment"],
            environment=worker["environment"],
            process=mark,
            is_alive=runs and exit_code is None,
            exit_code=exit_code,
            cancelled_at=cancelled_at,
            launch=worker.get("launch", 1),
            tenant="-".join(worker.get("owner", ())),
            limits=ProcessLimits(**worker.get("limits", {})),
            over_limit=(read_json(place / _OVER) or {}).get("says"),
            token=worker.get("token"),
            name=worker.get("name", ""),
        )

    def may_be_at_work(self, run_id: str) -> bool:
        """Whether a run that this pool has no worker of may have one all the same.

        So it is if its agent was killed after it had started the worker, and before it wrote that
        down. Ask only for a run whose agent has ended.
        """
        try:
            with (self._place(run_id) / _OUTPUT).open("rb") as output:
                fcntl.flock(output, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def all(self) -> list[RunWorker]:
        """All workers that are known, those that have ended too."""
        found = (self.find(place.name) for place in self._places())
        return [worker for worker in found if worker is not None]

    def alive(self) -> list[RunWorker]:
        """All workers that run at this moment."""
        return [worker for worker in self.all() if worker.is_alive]

    def process_names(self) -> set[str]:
        """The names of the processes in the sandbox that run at this moment."""
        return {worker.process_name for worker in self.alive()}

    def watched(self) -> list[LimitedProcess]:
        """The workers for whoever looks after their limits."""
        return [
            LimitedProcess(worker.process.pid, worker.limits, partial(self._end_for, worker))
            for worker in self.alive()
        ]

    def _end_for(self, worker: RunWorker, reason: str) -> None:
        # First, as the end is shown as soon as it is there.
        write_json(self._place(worker.run_id) / _OVER, {"says": reason})
        worker.process.kill()

    def cancel(self, worker: RunWorker) -> None:
        """Interrupt a worker, and remember when this was first asked for."""
        if worker.cancelled_at is None:
            write_json(self._place(worker.run_id) / _CANCEL, {"at": self._clock()})
        worker.process.interrupt()

    def last_output(self, run_id: str, *, lines: int) -> str:
        """The end of what a worker wrote outside of its steps."""
        try:
            with (self._place(run_id) / _OUTPUT).open(encoding="utf-8", errors="replace") as file:
                return "".join(deque(file, maxlen=lines))
        except FileNotFoundError:
            return ""

    def sweep(self, *, keep_seconds: float) -> None:
        """Forget the workers that ended more than ``keep_seconds`` ago."""
        for place in self._places():
            if self._clock() - place.stat().st_mtime < keep_seconds:
                continue
            worker = self.find(place.name)
            if worker is None or not worker.is_alive:
                remove(place)

    def _put_aside(self, run_id: str, *, before: int) -> None:
        """Make room for another launch of a run, if the end of the worker before is known.

        Whoever comes second finds nothing to put aside, and is refused like any second start.
        """
        place = self._place(run_id)
        claim = (read_json(place / _CLAIM) or {}).get("launch", before)
        worker = self.find(run_id)
        if worker is None:
            # Its agent was killed before it had started a worker.
            if claim < before and not self.may_be_at_work(run_id):
                remove(place)
        elif worker.launch < before and not worker.is_alive and worker.exit_code is not None:
            with suppress(OSError):
                place.rename(place.with_name(f"{run_id}_{worker.launch}"))

    def _running_already(self, run_id: str) -> RunWorker:
        worker = self.find(run_id)
        if worker is not None and worker.is_alive:
            return worker
        ended = worker.how_it_ended() if worker else "It is not known whether that worker began."
        msg = (
            f"Run {run_id} was given to this pool before, and a run is started at most once. "
            f"{ended} Launch it again as a new run (Re-execute)."
        )
        raise RunWorkerError(msg)

    def _places(self) -> list[Path]:
        return [place for place in self.home.runs.iterdir() if _RUN_ID.fullmatch(place.name)]

    def _place(self, run_id: str) -> Path:
        if not _RUN_ID.fullmatch(run_id):
            msg = f"{run_id[:80]!r} is not a run id."
            raise RunWorkerError(msg)
        return self.home.runs / run_id


def _claim(place: Path, launch: int) -> bool:
    """Make the folder of a launch: of two that try, one gets it."""
    draft = place.with_name(f".{place.name}.{uuid4().hex}")
    draft.mkdir(mode=0o700)
    write_json(draft / _CLAIM, {"launch": launch})
    try:
        draft.rename(place)
    except OSError as error:
        remove(draft)
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
        return False
    return True


def _handed_over(
    find: Callable[[], Standby | None], order: RunOrder | None, output: IO[bytes]
) -> _Begun | None:
    """Have a process that waits execute a run; nothing if there is none, or it has just ended."""
    standby = None if order is None else find()
    if order is None or standby is None:
        return None
    is_warm = standby.has_imported
    try:
        standby.hand_over(order, output)
    except OSError:
        standby.end()
        return None
    return _Begun(standby.name, standby.process, standby.mark, is_warm=is_warm)


def disown(runs: Path) -> None:
    """Have no process of this machine count as one of these workers.

    The records were copied with the rest of a pool. The original may run beside the copy, which
    must not end its workers; and nobody else is there to see how these ended.
    """
    for record in runs.glob(f"*/{_WORKER}"):
        worker = read_json(record)
        if worker is not None:
            write_json(record, {**worker, "started": OF_ANOTHER_POOL})
            (record.parent / _EXIT).unlink(missing_ok=True)


def _write_down_the_end(
    process: subprocess.Popen[Any],
    mark: ProcessMark,
    target: Path,
    *,
    is_waited_for: bool,
    clean: Callable[[], None],
) -> None:
    # Written before the process is reaped, so that there is no moment in which it is gone and
    # nobody knows how it ended.
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    # Steps may be processes of their own, which outlive a worker that is killed: one that goes on
    # would work beside the next try of its run.
    mark.kill()
    if result is not None:
        killed = result.si_code != os.CLD_EXITED
        code = -result.si_status if killed else result.si_status
        write_json(target, {"code": as_signal(code) if is_waited_for else code})
    process.wait()
    clean()
