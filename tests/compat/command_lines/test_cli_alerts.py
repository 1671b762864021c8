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


#: By program: the command that syncs, with its arguments, and the one that lists.
BY_DAGSTER_CLOUD = (
    "dagster-cloud deployment alert-policies sync",
    ["--alert-policies", "file.yaml"],
    "dagster-cloud deployment alert-policies list",
)
BY_DG = ("dg api alert-policy sync", ["file.yaml"], "dg api alert-policy list")


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
    ("sync", "arguments", "listing"), [BY_DAGSTER_CLOUD, BY_DG], ids=["dagster-cloud", "dg"]
)
def test_a_document_is_synced_and_listed_as_it_was_written(
    cli: OfficialCli, sync: str, arguments: list[str], listing: str, form: str
) -> None:
    document: Any = {"alert_policies": POLICIES} if form == "mapping" else POLICIES
    write(cli, document)
    assert "Synced alert policies: agents, ml jobs" in cli.run(sync, *arguments).text
    listed = yaml.safe_load(cli.run(listing).stdout)
    assert listed == {"alert_policies": POLICIES}
    # What a document does not name is removed.
    write(cli, {"alert_policies": POLICIES[:1]})
    cli.run(sync, *arguments)
    assert yaml.safe_load(cli.run(listing).stdout) == {"alert_policies": POLICIES[:1]}


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
    ("sync", "arguments", "_listing"), [BY_DAGSTER_CLOUD, BY_DG], ids=["dagster-cloud", "dg"]
)
def test_what_is_not_offered_is_refused_by_name(
    cli: OfficialCli,
    sync: str,
    arguments: list[str],
    _listing: str,
    change: Mapping[str, Any],
    sentence: str,
) -> None:
    write(cli, {"alert_policies": [{**POLICIES[0], **change}]})
    said = cli.run(sync, *arguments, fails=True).text
    # It is broken into lines at any place.
    assert "".join(sentence.split()) in "".join(said.replace("│", "").split())


def write(cli: OfficialCli, document: object) -> None:
    (cli.folder / "file.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
