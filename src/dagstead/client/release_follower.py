"""Follows a release until it ends, wherever it was begun."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dagstead.client.releases import Release
from dagstead.errors import RefusedError, UnreachableError

#: How often a release is looked at: people watch it.
_LOOK_SECONDS = 1.0
#: A server that is started anew is back by then.
_AWAY_SECONDS = 120.0


class ReleaseSource(Protocol):
    """Where to read and end a release."""

    def show(self, number: int) -> Release:
        """The present state of one release."""

    def end(self, number: int, reason: str) -> Release:
        """End one that is loading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFollower:
    """Looks at a release, reports every change, and ends it when the time is over."""

    releases: ReleaseSource
    #: Called with the first state and after every change.
    on_change: Callable[[Release], None]
    #: ``None`` waits as long as the server lets it load.
    timeout: float | None = None
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep  # noqa: TID251 - no bell reaches a client

    def until_ended(self, begun: Release) -> Release:
        """The release as it ended.

        When the time is over, or on ctrl-C, the release is ended: what was live before serves on.

        Raises:
            KeyboardInterrupt: after ctrl-C.
            UnreachableError: when the server does not come back in two minutes. The release is not
                ended: the server goes on with it.
        """
        try:
            return self._follow(begun)
        except KeyboardInterrupt:
            self.on_change(self.releases.end(begun.number, "It was stopped by hand (ctrl-C)."))
            raise

    def _follow(self, begun: Release) -> Release:
        start = self.clock()
        seen = begun
        self.on_change(seen)
        while seen.is_open:
            if self.timeout is not None and self.clock() - start >= self.timeout:
                reason = f"It had not loaded after {self.timeout:.0f} seconds (--timeout)."
                found = self.releases.end(begun.number, reason)
            else:
                self.wait(_LOOK_SECONDS)
                found = self._look(begun.number)
            if found != seen:
                self.on_change(found)
            seen = found
        return seen

    def _look(self, number: int) -> Release:
        away_since = self.clock()
        while True:
            try:
                return self.releases.show(number)
            except (UnreachableError, RefusedError):
                # Also what a proxy says for a server that is started anew.
                if self.clock() - away_since >= _AWAY_SECONDS:
                    raise
                self.wait(_LOOK_SECONDS)
