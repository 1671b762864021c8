"""Writes that a client may send twice: what its Idempotency-Key says about the first try."""

from __future__ import annotations

from enum import StrEnum

#: A try that has not ended after this long belongs to a server that died in the middle of it;
#: official clients give up a call after 60 seconds.
ABANDONED_SECONDS = 70.0

#: How long keys are kept. The official client's last retry comes within two minutes.
KEPT_SECONDS = 3600.0


class Begun(StrEnum):
    """What was known of a key when a write began."""

    #: Never seen: write.
    NEW = "new"
    #: Written: answer as the first time, write nothing.
    DONE = "done"
    #: Another try is at it right now.
    IN_FLIGHT = "in flight"
    #: A server died during an earlier try: write what is missing.
    INTERRUPTED = "interrupted"
