"""Writes that a client may send twice, recognised by their Idempotency-Key."""

from __future__ import annotations

from enum import StrEnum

#: An attempt that has not ended after this time belongs to a server that died during it: official
#: clients give up a call after 60 seconds.
ABANDONED_SECONDS = 70.0

#: How long keys are kept. The official client's last retry comes within two minutes.
KEPT_SECONDS = 3600.0


#: How long after a server was replaced by a newer version clients may send what they sent to it.
SENT_AGAIN_SECONDS = 600.0


class WriteState(StrEnum):
    """The state of an Idempotency-Key when a write with it begins."""

    #: Not seen before: write.
    NEW = "new"
    #: Already written: answer as the first time, and write nothing.
    DONE = "done"
    #: Another attempt is writing at this moment.
    IN_FLIGHT = "in flight"
    #: A server died during an earlier attempt: write what is missing.
    INTERRUPTED = "interrupted"
