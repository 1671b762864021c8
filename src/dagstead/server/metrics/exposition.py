"""Everything that this process exposes: its own counters, and what the database says."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dagstead import __version__
from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import StoreAwayError
from dagstead.plane.numbers import PlaneNumbers
from dagstead.server.metrics.calls import CallMeter
from dagstead.server.metrics.families import families_of

logger = logging.getLogger(__name__)

#: Several collectors, or one that is in a hurry, cost the database no more than this.
_KEPT_SECONDS = 5.0
#: How often to try to add what was counted, while others write; it can be added the next time.
_TRIES = 25
_PAUSE_SECONDS = 0.02


class Exposition:
    """The metrics of one web server."""

    def __init__(self, control: Control, kept_seconds: float = _KEPT_SECONDS) -> None:
        """Begin to count.

        Args:
            control: views.
            kept_seconds: for how long what was read from the database is shown again.
        """
        self.registry = CollectorRegistry()
        self.calls = CallMeter(self.registry)
        self.registry.register(PlaneCollector(control, kept_seconds))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the form that a caller takes, and the name of that form."""
        encode, kind = choose_encoder(accept)
        return encode(self.registry), kind


@dataclass(slots=True, eq=False)
class PlaneCollector(Collector):
    """Reads what the database says, at most every few seconds."""

    control: Control
    kept_seconds: float
    _numbers: PlaneNumbers | None = None
    _read_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def collect(self) -> Iterator[Metric]:
        """All metrics of the plane; while the database is away, only that it is."""
        info = GaugeMetricFamily("dagstead_build_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        numbers = self._read()
        yield GaugeMetricFamily(
            "dagstead_database_up",
            "Whether the database answers. If not, what comes from it is left out.",
            value=int(numbers is not None),
        )
        if numbers is not None:
            yield from families_of(numbers)

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is, only the database says."""
        return iter(())

    def _read(self) -> PlaneNumbers | None:
        with self._lock:
            now = time.monotonic()
            if self._numbers is None or now - self._read_at >= self.kept_seconds:
                self._numbers = self._read_now()
                self._read_at = now
            return self._numbers

    def _write_down(self) -> None:
        for _ in range(_TRIES):
            if self.control.metrics.write_down(SYSTEM):
                return
            time.sleep(_PAUSE_SECONDS)  # noqa: TID251 - SQLite's lock cannot ring

    def _read_now(self) -> PlaneNumbers | None:
        try:
            self._write_down()
            return self.control.metrics.numbers(SYSTEM)
        except StoreAwayError as error:
            logger.warning("Metrics without what the database says: %s", error.reason)
            return None
