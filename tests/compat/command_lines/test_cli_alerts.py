"""Alert policies by the official command lines: one sends the whole mapping, the other a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.alert_policies import AlertDocument
from tests.support.cli_site import Site
from tests.support.official_cli import OfficialCli
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

POLICIES: list[dict[str, Any]] = [
    {
        "name": "agents",
        "description": "Somebody has to look",
        "enabled": True,
        "event_types": ["AGENT_UNAVAILABLE"],
        "notification_service": {"email": {"email_addresses": ["ops@example.com"]}},
        "alert_targets": [],
        "policy_options": {"renotify_interval_minutes": 30},
    },
    {
        "name": "ml jobs",
        "event_types": ["JOB_FAILURE", "JOB_LONG_RUNNING"],
        "notification_service": {"webhook": {"webhook_url": "https://example.com/hook"}},
        "alert_targets": [
            {
                "long_running_job_threshold_target": {
                    "threshold_seconds": 900,
                    "tags": [{"key": "team", "value": "ml"}],
                }
            },
            {"run_result_target": {"jobs": [{"location_name": "toy", "job_name": "hourly"}]}},
        ],
    },
]
OURS = {
    "name": "ours",
    "event_types": ["LONGEST_WAIT_EXCEEDED"],
    "notification_service": {"slack_webhook": {"url": "https://hooks.example.com/T0/B0"}},
}


@pytest.fixture(autouse=True)
def ours(site: Site) -> Iterator[None]:
    """A policy of our own document, which stays whatever the official commands do."""
    control = control_without_dagster(site.plane.store)
    prod = site.plane.store.deployments.get("prod")
    control.alerts.sync(COMMAND_LINE, prod, AlertDocument.OWN, [OURS])
    yield
    assert control.alerts.document(COMMAND_LINE, prod, AlertDocument.OWN) == [OURS]
    for kind in AlertDocument:
        control.alerts.sync(COMMAND_LINE, prod, kind, [])


@pytest.mark.parametrize("form", ["mapping", "list"])
@pytest.mark.parametrize(
    ("sync", "listing"),
    [
        (
            "dagster-cloud deployment alert-policies sync --alert-policies file.yaml",
            "dagster-cloud deployment alert-policies list",
        ),
        ("dg api alert-policy sync file.yaml", "dg api alert-policy list"),
    ],
    ids=["dagster-cloud", "dg"],
)
def test_a_document_is_synced_and_listed_as_it_was_written(
    cli: OfficialCli, sync: str, listing: str, form: str
) -> None:
    document: Any = {"alert_policies": POLICIES} if form == "mapping" else POLICIES
    write(cli, document)
    assert "Synced alert policies: agents, ml jobs" in run(cli, sync).text
    listed = yaml.safe_load(run(cli, listing).stdout)
    assert listed == {"alert_policies": POLICIES}
    # What a document does not name is removed.
    write(cli, {"alert_policies": POLICIES[:1]})
    run(cli, sync)
    assert yaml.safe_load(run(cli, listing).stdout) == {"alert_policies": POLICIES[:1]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"event_types": ["ASSET_HEALTH_DEGRADED"]}, "ASSET_HEALTH_DEGRADED of alert policy"),
        (
            {"notification_service": {"slack": {"slack_workspace_name": "w"}}},
            "slack_webhook: {url:",
        ),
        ({"event_types": ["LONGEST_WAIT_EXCEEDED"]}, "`dagstead alerts sync`"),
    ],
    ids=["event", "service", "ours"],
)
@pytest.mark.parametrize(
    "sync",
    [
        "dagster-cloud deployment alert-policies sync --alert-policies file.yaml",
        "dg api alert-policy sync file.yaml",
    ],
    ids=["dagster-cloud", "dg"],
)
def test_what_is_not_offered_is_refused_by_name(
    cli: OfficialCli, sync: str, change: Mapping[str, Any], sentence: str
) -> None:
    write(cli, {"alert_policies": [{**POLICIES[0], **change}]})
    said = run(cli, sync, fails=True).text
    # It is broken into lines at any place.
    assert "".join(sentence.split()) in "".join(said.replace("│", "").split())


def write(cli: OfficialCli, document: object) -> None:
    (cli.folder / "file.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def run(cli: OfficialCli, command: str, *, fails: bool = False) -> Any:
    words = command.split()
    split = next(
        (number for number, word in enumerate(words) if word.startswith("-") or "." in word),
        len(words),
    )
    return cli.run(" ".join(words[:split]), *words[split:], fails=fails)
