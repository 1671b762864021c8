"""The pause of a control plane, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.client.connection import Connection


@dataclass(frozen=True, slots=True)
class Pauses:
    """Acts over HTTP. Each method raises what :class:`Connection` does."""

    connection: Connection

    def begin(self) -> bool:
        """Begin a pause; returns whether there was none."""
        return bool(self.connection.graphql("mutation { result: pauseRuns }")["result"])

    def end(self) -> bool:
        """End it; returns whether there was one."""
        return bool(self.connection.graphql("mutation { result: resumeRuns }")["result"])
