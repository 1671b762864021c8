"""The alert rules for Prometheus, evaluated by Prometheus' own program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.support.debian import promtool

_HERE = Path(__file__).parent
_RULES = _HERE.parents[1] / "deploy" / "prometheus" / "dagstead.rules.yaml"
_CASES = _HERE / "alerts.yaml"


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    cases = tmp_path / "alerts.yaml"
    cases.write_text(_CASES.read_text().replace("RULES", str(_RULES)))
    done = subprocess.run(
        [promtool(), "test", "rules", cases], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_evaluated_and_says_what_to_do() -> None:
    cases = _CASES.read_text()
    (group,) = yaml.safe_load(_RULES.read_text())["groups"]
    for rule in group["rules"]:
        assert rule["alert"] in cases
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "action"}
