"""The pause of a control plane, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.client.connection import Connection


@dataclass(frozen=True, slots=True)
class Pauses:
    """Acts over HTTP. Each method raises what :class:`Connection` does."""

    connection: Connection

    def begin(self, *, everything: bool) -> bool:
        """Begin a pause; returns whether it is new, or stops more than the one before."""
        # An older server knows no pause of everything, and one of runs as it was.
        asked = "pauseRuns(everything: true)" if everything else "pauseRuns"
        return bool(self.connection.graphql(f"mutation {{ result: {asked} }}")["result"])

    def end(self) -> bool:
        """End it; returns whether there was one."""
        return bool(self.connection.graphql("mutation { result: resumeRuns }")["result"])
