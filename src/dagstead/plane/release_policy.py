"""The part of a deployment's settings that is about its releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dagstead.plane.deployments import section

#: As long as the official command line waits for locations to load.
_TIMEOUT_SECONDS = 3600.0


class UnservedQueuePolicy(StrEnum):
    """How a deploy to a queue that no live agent serves is treated."""

    REFUSE = "refuse"
    #: It begins, with a warning.
    WARN = "warn"
    WAIT = "wait"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePolicy:
    """How releases of a deployment begin and end."""

    #: Whether all locations of a release go back when one of them does not load.
    atomic: bool = True
    unserved: UnservedQueuePolicy = UnservedQueuePolicy.REFUSE
    #: A release that has not loaded after this time goes back.
    timeout_seconds: float = _TIMEOUT_SECONDS

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> ReleasePolicy:
        """From a deployment's settings, section ``releases``."""
        given = section(settings, "releases")
        return cls(
            atomic=given.get("atomic") is not False,
            unserved=UnservedQueuePolicy(given.get("unserved_queue") or UnservedQueuePolicy.REFUSE),
            timeout_seconds=float(given.get("timeout_seconds", _TIMEOUT_SECONDS)),
        )
