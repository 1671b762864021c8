"""Writes lines to an event log from four threads, each once for its key, and prints what is stored.

Its argument is a folder of SQLite files or a Postgres URL. Each line is its own key.
"""

from __future__ import annotations

import sys
import threading
from functools import partial

from tests.support.event_logs import line, opened


def main() -> None:
    """Write until the end, which is SIGKILL."""
    log = opened(sys.argv[1])
    printing = threading.Lock()

    def write(writer: int) -> None:
        for number in range(100_000):
            text = f"{writer}-{number}"
            log.groups.write(partial(log.store_event, line(text)), text)
            with printing:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()

    for writer in range(4):
        threading.Thread(target=write, args=(writer,)).start()


if __name__ == "__main__":
    main()
