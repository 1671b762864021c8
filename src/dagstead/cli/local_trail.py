"""The trail of a control plane in its own folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.trail import TrailCheck
from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.plane.trail import Head, TrailFilter


@dataclass(frozen=True, slots=True)
class LocalTrail:
    """Views of it."""

    _control: Control

    def find(self, wanted: TrailFilter) -> list[Mapping[str, Any]]:
        """Rows, the newest first, as the chain has them."""
        return [json.loads(row.line) for row in self._control.trail.find(COMMAND_LINE, wanted)]

    def verify(self, noted: Head | None) -> TrailCheck:
        """Whether the chain is whole."""
        check, head = self._control.trail.verify(COMMAND_LINE, noted)
        return TrailCheck(faults=check.faults, rows=check.rows, first=check.first, head=str(head))
