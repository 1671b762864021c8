"""What a test of Dagstead, or of a plug-in to it, starts from: waiting, and the server in process.

Tests call this room; no other room of the package may import it.
"""

from __future__ import annotations

from dagstead.testing.waiting import DeadlinePassedError, eventually

__all__ = ["DeadlinePassedError", "eventually"]
