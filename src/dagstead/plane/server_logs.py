"""What code servers print: the tail that managed pools send, and where that of others is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.model.server_logs import LINE_CHARACTERS, tail_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerLog:
    """The last lines of the newest code server of a location."""

    #: The pool's name for the server; no other one ever has it.
    server: str
    #: In seconds since 1970, by the pool's clock.
    started_at: float
    lines: Sequence[str]
    #: Whether there were lines before these.
    is_cut: bool
    #: ``None`` while it runs.
    ended_at: float | None = None

    def bounded(self) -> ServerLog:
        """As it is stored: its last lines, none of them endless."""
        kept = tail_of([line[:LINE_CHARACTERS] for line in self.lines])
        return ServerLog(
            server=self.server,
            started_at=self.started_at,
            lines=kept,
            is_cut=self.is_cut or len(kept) < len(self.lines),
            ended_at=self.ended_at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPlace:
    """Where the log of code servers is that no managed pool runs."""

    says: str
    #: What shows it there; ``None`` where that depends on how the agent was installed.
    command: str | None = None


def place_of(launcher: str | None, deployment: str, location: str) -> LogPlace:
    """Where the code servers of an official agent print.

    Official agents send the errors of a location, and not what its code prints.

    Args:
        launcher: the class of the agent's launcher, as its heartbeat has it.
        deployment: of the location.
        location: its name.
    """
    # Official agents label what they start with it (workspace/user_code_launcher/utils.py).
    label = hashlib.sha1(f"{deployment}-{location}".encode(), usedforsecurity=False).hexdigest()
    kind = (launcher or "").removesuffix("UserCodeLauncher")
    match kind:
        case "Docker":
            return LogPlace(
                says=f"{_NOT_SENT} It is in the log of the container, on the agent's machine.",
                command="docker logs --tail 200 --follow "
                f'"$(docker ps --all --latest --quiet --filter label={label})"',
            )
        case "K8s":
            return LogPlace(
                says=f"{_NOT_SENT} It is in the log of the pod, in the agent's namespace.",
                command=f"kubectl logs --selector location_hash={label} --tail 200 --follow",
            )
        case "Ecs":
            return LogPlace(
                says=f"{_NOT_SENT} It is in the log group of the agent's ECS tasks, in CloudWatch."
            )
        case "Process":
            return LogPlace(
                says=f"{_NOT_SENT} Its code servers are processes of the agent: they print into "
                "the agent's own log."
            )
        case _:
            return LogPlace(
                says=f"{_NOT_SENT} It is where the agent starts code servers, or in the agent's "
                "own log."
            )


_NOT_SENT = "An official agent runs this code, and does not send what its code server prints."
