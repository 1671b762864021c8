"""Another process with a bell: ``bell_process.py DATABASE_URL listen|ring TOPIC``.

It says ``listening``, and then ``woken`` at each ring of the topic; or rings it for each line that
it is sent, and says ``rung``.
"""

from __future__ import annotations

import sys

from dagstead.store.bell.bell import open_bell

#: Longer than any test: who wakes was woken.
_LONG_SECONDS = 3600.0


def main(database_url: str, act: str, topic: str) -> None:
    bell = open_bell(database_url)
    if act == "ring":
        for _ in sys.stdin:
            bell.ring(topic)
            sys.stdout.write("rung\n")
            sys.stdout.flush()
        bell.close()
        return
    with bell.listen(topic) as listener:
        # That of the line, which has been opened.
        listener.wait(_LONG_SECONDS)
        sys.stdout.write("listening\n")
        while True:
            sys.stdout.flush()
            listener.wait(_LONG_SECONDS)
            sys.stdout.write("woken\n")


main(*sys.argv[1:])
