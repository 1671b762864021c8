"""A sign of life from a child to its keeper, by a pipe: a frozen process sends none."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

#: Names the descriptor of the pipe in a child's environment.
BEATS_VARIABLE = "DAGSTEAD_BEATS"

_EVERY_SECONDS = 1.0
#: Until the first one. Python is slow to start on a busy machine.
_START_SECONDS = 60.0
_CHUNK = 65_536


@dataclass(slots=True)
class Beats:
    """The keeper's end."""

    _read: int = field(init=False)
    #: The child's end; closed here once the child has it.
    write: int = field(init=False)
    _heard_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._heard_at = time.monotonic() + _START_SECONDS
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        # A keeper that is stopped itself must not hold up its child.
        os.set_blocking(self.write, False)

    def handed_over(self) -> None:
        """Close the child's end here."""
        os.close(self.write)

    def silent_seconds(self) -> float:
        """For how long nothing was heard; a child that starts is given more time."""
        now = time.monotonic()
        with suppress(BlockingIOError):
            if os.read(self._read, _CHUNK):
                self._heard_at = now
        return now - self._heard_at

    def close(self) -> None:
        """Close this end."""
        os.close(self._read)


def send_beats() -> None:
    """Send them from now on, if a keeper listens."""
    descriptor = os.environ.pop(BEATS_VARIABLE, None)
    if descriptor:
        beat = threading.Thread(target=_beat, args=(int(descriptor),), name="beats", daemon=True)
        beat.start()


def _beat(descriptor: int) -> None:
    # Children of this process must not beat in its place.
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - it takes no names
    # It ends with the keeper.
    with suppress(OSError):
        while True:
            with suppress(BlockingIOError):
                os.write(descriptor, b".")
            time.sleep(_EVERY_SECONDS)  # noqa: TID251 - nobody ends it early
