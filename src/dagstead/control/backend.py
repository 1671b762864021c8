"""The systems behind acts and views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagstead.control.bell import Bell
from dagstead.control.image_registry import ImageRegistry
from dagstead.control.orchestration import Orchestration
from dagstead.control.recording import Recorder
from dagstead.plane.traces import NO_TRACER, Tracer
from dagstead.store.all import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """The store, the bell, the trail, and Dagster."""

    store: Store
    bell: Bell
    #: Knows what is done.
    recorder: Recorder
    #: Called when Dagster is needed: importing it takes seconds, and most commands never need it.
    open_orchestration: Callable[[], Orchestration]
    #: Reports to traces, if anybody collects them.
    tracer: Tracer = NO_TRACER
    #: ``None`` when the installation has none.
    registry: ImageRegistry | None = None

    @property
    def orchestration(self) -> Orchestration:
        """Dagster."""
        return self.open_orchestration()

    def now(self) -> float:
        """The current time, in seconds since 1970."""
        return self.store.clock()
