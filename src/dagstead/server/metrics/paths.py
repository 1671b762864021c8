"""The addresses of metrics, which a token for metrics opens, and no others."""

from __future__ import annotations

from typing import Final

METRICS_PATH: Final = "/metrics"
SCALE_PATH: Final = "/api/queues/scale"
PATHS: Final = frozenset({METRICS_PATH, SCALE_PATH})
