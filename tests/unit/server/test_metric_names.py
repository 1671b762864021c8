"""The names of metrics: those that there are, by Prometheus' rules, and those that others use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from dagstead.control.actor import SYSTEM
from dagstead.plane.queues import QueueChange
from dagstead.plane.tallies import TallyKind
from dagstead.server.metrics.exposition import Exposition
from tests.unit.server.conftest import Plane

_ROOT = Path(__file__).parents[3]
_USERS = [
    "deploy/prometheus/dagstead.rules.yaml",
    "deploy/grafana/dagstead.json",
    "deploy/keda/prometheus-adapter.yaml",
    "docs/operate/metrics.md",
]
_NAME = re.compile(r"\b(?:dagstead|process|python)_[a-z_]+[a-z]\b")
_LABELS = re.compile(r"(?:by|without) \(([^)]*)\)|\{\{(?: \$labels\.)?([a-z]+) ?\}\}")
#: Of Prometheus, and of Kubernetes where that finds the web servers.
_THEIRS = {"job", "instance", "pod", "le"}


@pytest.fixture(scope="module")
def every(plane: Plane) -> list[Metric]:
    """All families, each with at least one sample."""
    for what in TallyKind:
        plane.store.tallies.tally.count(what, "prod", "success")
    plane.store.tallies.tally.dispatched("gpu", 0.3)
    change = QueueChange(limit=3, longest_wait_seconds=600)
    plane.control.queues.set(SYSTEM, "gpu", change)
    exposition = Exposition(plane.control)
    scope = {"type": "http", "path": "/health", "state": {}}
    exposition.calls.count(scope, 200, 0.1)
    return list(text_string_to_metric_families(exposition.text("")[0].decode()))


def test_names_have_a_unit_and_counters_end_with_total(every: list[Metric]) -> None:
    for family in every:
        assert re.fullmatch(r"(dagstead|process|python)_[a-z0-9_]+", family.name)
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {
                f"{family.name}_total",
                f"{family.name}_created",
            }
        assert not family.name.endswith(("_count", "_sum", "_milliseconds", "_minutes", "_kb"))


@pytest.mark.parametrize("file", _USERS)
def test_every_metric_that_is_named_exists(every: list[Metric], file: str) -> None:
    text = (_ROOT / file).read_text()
    known = {sample.name for family in every for sample in family.samples}
    known |= {family.name for family in every}
    named = set(_NAME.findall(text))
    assert named
    assert named - known == set()


@pytest.mark.parametrize("file", _USERS[:2])
def test_every_label_that_is_named_exists(every: list[Metric], file: str) -> None:
    known = {label for family in every for sample in family.samples for label in sample.labels}
    text = "\n".join(_texts(file))
    named = {
        label.strip()
        for several, one in _LABELS.findall(text)
        for label in (several or one).split(",")
    }
    assert named - known - _THEIRS - {"value"} == set()


def _texts(file: str) -> Iterator[str]:
    text = (_ROOT / file).read_text()
    if not file.endswith(".json"):
        yield text
        return
    for panel in json.loads(text)["panels"]:
        for target in panel.get("targets", ()):
            yield from (target["expr"], target["legendFormat"])


def test_the_dashboard_explains_every_panel() -> None:
    panels = json.loads((_ROOT / "deploy/grafana/dagstead.json").read_text())["panels"]
    charts = [panel for panel in panels if panel["type"] != "row"]
    assert all(panel["description"] and panel["title"] for panel in charts)
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
