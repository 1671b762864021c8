"""An open-source daemon whose loop is driven from outside, turn by turn."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.controller import DEFAULT_DAEMON_ERROR_INTERVAL_SECONDS
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, IntervalDaemon, SpanMarker
from dagster._time import get_current_datetime
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.engine.sqlite_storages import close_idle

logger = logging.getLogger(__name__)

#: A daemon that goes on for long lets others have the thread.
_SLICE_SECONDS = 0.1
#: How often a daemon says that it lives. It counts as ill after half an hour, and at once when
#: nobody leads.
_HEARTBEAT_SECONDS = 300.0
#: The same after an error, which is shown with it.
_HEARTBEAT_AFTER_ERROR_SECONDS = 30.0
_ERROR_SECONDS = 5.0
#: Where nothing can be due, as there is no code, a daemon looks as rarely.
_QUIET_SECONDS = 120.0


class Rest(threading.Event):
    """What an open-source loop waits for: set when it is to stop.

    To wait takes no time here. The loop yields after it, and its next turn is as much later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        """Note how long the loop has nothing to do; return whether it is to stop."""
        self.seconds = max(self.seconds, timeout or 0.0)
        return self.is_set()


class DaemonLoop:
    """A daemon of one deployment."""

    def __init__(
        self,
        daemon: DagsterDaemon[Any],
        workspace: IWorkspaceProcessContext[Any],
        *,
        is_quiet: Callable[[], bool],
    ) -> None:
        """Nothing has happened yet.

        Args:
            daemon: whose loop it is.
            workspace: of its deployment.
            is_quiet: whether nothing can be due in the deployment, unless somebody calls.
        """
        self.daemon = daemon
        self.has_ended = False
        self._workspace = workspace
        self._is_quiet = is_quiet
        self._rest = Rest()
        self._id = str(uuid4())
        self._steps: DaemonIterator | None = None
        self._span_began = 0.0
        self._had_error = False

    def stop(self) -> None:
        """Let its next turn be the last one."""
        self._rest.set()

    def take(self) -> float | None:
        """See :class:`dagstead.engine.daemon_turns.Turn`."""
        end = time.monotonic() + _SLICE_SECONDS
        while not self._rest.is_set():
            seconds = self._step()
            if seconds > 0 and self._is_quiet():
                close_idle(self._workspace.instance)
                return max(seconds, _QUIET_SECONDS)
            if seconds > 0:
                return seconds
            if time.monotonic() > end:
                return 0.0
        self._close()
        self.has_ended = True
        return None

    def _step(self) -> float:
        """Let it work until it yields; return how long it has nothing to do after that."""
        self._beat()
        self._rest.seconds = 0.0
        try:
            if self._steps is None:
                self._steps = self.daemon.core_loop(self._workspace, self._rest)
            said = next(self._steps)
        except Exception:  # noqa: BLE001 - as open-source Dagster's
            error = serializable_error_info_from_exc_info(sys.exc_info())
            logger.error("Daemon %s begins anew: %s", self.daemon.daemon_type(), error)  # noqa: TRY400
            self._note(error)
            self._close()
            return _ERROR_SECONDS
        if isinstance(said, SerializableErrorInfo):
            self._note(said)
        elif said is SpanMarker.START_SPAN:
            self._span_began = time.time()
        return self._seconds_of_rest()

    def _seconds_of_rest(self) -> float:
        daemon = self.daemon
        if not self._rest.seconds or not isinstance(daemon, IntervalDaemon):
            return self._rest.seconds
        if isinstance(daemon, RunQueueDaemon):
            return self._rest.seconds
        # It would look twice a second whether its time has come.
        left: float = self._span_began + daemon.interval_seconds - time.time()
        return max(left, self._rest.seconds)

    def _note(self, error: SerializableErrorInfo) -> None:
        self._had_error = True
        self.daemon._errors.appendleft((error, get_current_datetime()))  # noqa: SLF001

    def _beat(self) -> None:
        """Say that it lives, if that is due, with the errors of the last minutes."""
        often = _HEARTBEAT_AFTER_ERROR_SECONDS if self._had_error else _HEARTBEAT_SECONDS
        try:
            self.daemon._check_add_heartbeat(  # noqa: SLF001
                self._workspace.instance, self._id, often, DEFAULT_DAEMON_ERROR_INTERVAL_SECONDS
            )
        except Exception:
            logger.exception("Daemon %s could not say that it lives", self.daemon.daemon_type())
        self._had_error = bool(self.daemon._errors)  # noqa: SLF001

    def _close(self) -> None:
        steps, self._steps = self._steps, None
        if steps is None:
            return
        try:
            steps.close()
        except Exception:
            logger.exception("The loop of daemon %s did not end well", self.daemon.daemon_type())
