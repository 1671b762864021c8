"""What a code server writes: into a file of its own, from which the agent copies it to its log.

Not through a pipe to the agent: that would break with the agent, and with it whatever prints in the
runs that are under way inside the server.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dagstead.model.text import escaped_line
from dagstead.serverless.home import remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TAIL_LINES = 40
#: A longer line is logged in pieces.
_LINE_BYTES = 64 * 1024
#: When this much has been logged, it is dropped from the file.
_KEPT_BYTES = 1024 * 1024
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ServerOutput:
    """The file of one code server."""

    path: Path

    @classmethod
    def of(cls, record: Path) -> ServerOutput:
        """The output of the server with this record; it lies beside it."""
        return cls(record.with_suffix(".log"))

    def open(self) -> IO[bytes]:
        """For the server's process, which goes on at the end whenever the file is emptied."""
        return self.path.open("ab")

    def last_lines(self) -> str:
        """The last lines that the server wrote; empty before it has started."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                return "".join(deque(file, maxlen=_TAIL_LINES))
        except FileNotFoundError:
            return ""

    def follow(self, log: Callable[[str], None], *, has_ended: Callable[[], bool]) -> None:
        """Pass every line to ``log``, until the server has ended and all of them are logged.

        Control characters in it are escaped.

        A file that has grown is emptied once it is logged; what is written at that very moment is
        missing from the log.
        """
        line = b""
        with self.path.open("r+b") as file:
            while True:
                # Asked before reading: then the rest is there.
                is_last_look = has_ended()
                while part := file.readline(_LINE_BYTES):
                    line += part
                    if line.endswith(b"\n") or len(line) >= _LINE_BYTES:
                        log(escaped_line(line.decode(errors="replace").rstrip()))
                        line = b""
                if is_last_look:
                    break
                if file.tell() > _KEPT_BYTES:
                    file.seek(0)
                    file.truncate()
                time.sleep(_LOOK_SECONDS)  # noqa: TID251 - a file cannot ring
        if line:
            log(escaped_line(line.decode(errors="replace").rstrip()))


def forget_record(record: Path) -> None:
    """Remove the record of a server that has ended, and what it wrote."""
    ServerOutput.of(record).path.unlink(missing_ok=True)
    remove(record)
