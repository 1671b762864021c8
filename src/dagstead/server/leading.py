"""A term as the leader: its lease is renewed by a thread of its own, for as long as it is ours.

It also ends by this process' own clock: whoever cannot renew stops before another one may begin.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from dagstead.errors import StoreAwayError
from dagstead.plane.leases import RENEW_SECONDS, TRUST_SECONDS, Fence, LeadershipLostError
from dagstead.store.leadership import Leadership

logger = logging.getLogger(__name__)

#: A renewal whose connection was lost is tried again sooner: another process may lead already.
_AGAIN_SECONDS = 0.2


@dataclass(slots=True)
class Term:
    """Use it as a context, which begins right after the campaign; on the way out it resigns."""

    leadership: Leadership
    #: Of the campaign; from then on, it also knows whether the term is over.
    fence: Fence
    #: Counts also while the process is stopped.
    clock: Callable[[], float] = time.monotonic
    _trusted_until: float = field(init=False)
    _lost: bool = field(default=False, init=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._trusted_until = self.clock() + TRUST_SECONDS
        self.fence = replace(self.fence, is_over=self._is_over)
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def _is_over(self) -> bool:
        return self._lost or self.clock() >= self._trusted_until

    def _keep(self) -> None:
        pause = RENEW_SECONDS
        while not self._ended.wait(pause):
            pause = RENEW_SECONDS
            began = self.clock()
            try:
                self.leadership.renew(self.fence)
            except LeadershipLostError:
                self._lost = True
                return
            except StoreAwayError as error:
                pause = _AGAIN_SECONDS
                logger.warning("Could not renew the lease of the leader: %s", error.reason)
            except Exception:
                logger.exception("Could not renew the lease of the leader")
            else:
                self._trusted_until = began + TRUST_SECONDS

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        # Whatever has not stopped in time gets no further.
        self._lost = True
        # It waits for the database no longer than the leadership's patience.
        self._thread.join()
        self.leadership.resign(self.fence)
