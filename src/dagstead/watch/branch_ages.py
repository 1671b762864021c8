"""Closes branch deployments that nobody has used for as long as the organization's settings say."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BranchAges:
    """Runs in the daemon process, every few minutes."""

    control: Control

    def look(self) -> None:
        """Close those that are too old."""
        for deployment in self.control.branches.unused(SYSTEM):
            self.control.branches.close(SYSTEM, deployment)
            logger.info("Closed the branch deployment %s, which nobody uses", deployment.name)
