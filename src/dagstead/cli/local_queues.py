"""Queues of a control plane in its own folder."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.plane.queue_views import QueueView
from dagstead.plane.queues import QueueChange


@dataclass(frozen=True, slots=True)
class LocalQueues:
    """Acts on queues, and views of them."""

    _control: Control

    def all(self) -> list[QueueView]:
        """Every queue, the default queue first."""
        return self._control.queues.all(COMMAND_LINE)

    def get(self, name: str | None) -> QueueView:
        """One queue."""
        return self._control.queues.get(COMMAND_LINE, name)

    def set(self, name: str | None, change: QueueChange) -> QueueView:
        """Change a queue."""
        self._control.queues.set(COMMAND_LINE, name, change)
        return self.get(name)

    def pause(self, name: str | None, note: str | None, until: float | None) -> QueueView:
        """Pause a queue."""
        self._control.queues.pause(COMMAND_LINE, name, note, until)
        return self.get(name)

    def resume(self, name: str | None) -> bool:
        """End the pause of a queue; returns whether there was one."""
        return self._control.queues.resume(COMMAND_LINE, name)

    def remove(self, name: str | None) -> None:
        """Forget what was said of a queue."""
        self._control.queues.remove(COMMAND_LINE, name)
