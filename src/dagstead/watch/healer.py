"""Has agents load anew what is in error, with growing pauses, until it is well."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Healer:
    """Runs in the daemon process, every few seconds."""

    control: Control

    def look(self) -> None:
        """Begin every try that is due."""
        with_code = self.control.locations.deployments(SYSTEM)
        for deployment in self.control.deployments.granted(SYSTEM):
            if deployment.closed or deployment.name not in with_code:
                continue
            for name in self.control.statuses.heal(SYSTEM, deployment):
                logger.info("Having agents load %s of %s again", name, deployment.name)
