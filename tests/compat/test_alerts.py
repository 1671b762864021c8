"""Somebody is called: a real agent dies, a real run fails; a real mail server and page get it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.alert_policies import entry_of, sync, to_hook
from tests.support.alert_receivers import HookReceiver, Mailbox, hook_receiver, mail_server
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

DEPLOYMENT = "prod"
LOCATION = "shop"
QUEUE = "gpu"
#: From the death of the last agent of a queue.
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Called:
    """A control plane with an agent, and those who are called."""

    plane: ControlPlane
    deployment: DeploymentClient
    agent: OfficialAgent
    hook: HookReceiver
    mailbox: Mailbox

    def events(self, *wanted: str) -> list[dict[str, Any]]:
        """The alerts of these events that the page has got."""
        return [
            alert
            for posted in list(self.hook.got)
            for alert in json.loads(posted.body)["alerts"]
            if alert["event"] in wanted
        ]


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Called]:
    with ExitStack() as stack:
        hook = stack.enter_context(hook_receiver())
        mailbox = stack.enter_context(mail_server())
        variables = {
            "DAGSTEAD_ALERTS_SMTP": mailbox.server,
            "DAGSTEAD_ALERTS_FROM": "dagstead@example.com",
            "DAGSTEAD_ALERTS_NETWORKS": "127.0.0.1/32",
        }
        folder = tmp_path_factory.mktemp("alerts")
        plane = stack.enter_context(ControlPlane(folder, variables=variables))
        deployment = plane.deployment(DEPLOYMENT)
        stack.callback(deployment.close)
        setup = AgentSetup(
            label="worker-1",
            token=plane.agent_token("worker"),
            deployments=[DEPLOYMENT],
            queues=[QUEUE],
            default_queue=False,
        )
        agent = stack.enter_context(OfficialAgent(plane, own_environment(), setup))
        deployment.deploy(LOCATION, "compat_definitions", queue=QUEUE)
        deployment.wait_until_loaded(LOCATION)
        mail = {"email": {"email_addresses": ["on-call@example.com"]}}
        sync(
            control_without_dagster(plane.store),
            entry_of("agents", "AGENT_UNAVAILABLE", notification_service=to_hook(hook.address)),
            entry_of("mail", "QUEUE_UNSERVED", notification_service=mail),
            entry_of(
                "jobs",
                "JOB_FAILURE",
                alert_targets=[{"run_result_target": {"location_names": [LOCATION]}}],
                notification_service=to_hook(hook.address, "s3cret"),
            ),
            entry_of(
                "long",
                "JOB_LONG_RUNNING",
                alert_targets=[
                    {
                        "long_running_job_threshold_target": {
                            "threshold_seconds": 5,
                            "jobs": [{"job_name": "endless", "location_name": LOCATION}],
                        }
                    }
                ],
                notification_service=to_hook(hook.address),
            ),
            entry_of(
                "ticks",
                "TICK_FAILURE",
                alert_targets=[{"schedule_or_sensor_target": {"types": ["SENSOR"]}}],
                notification_service=to_hook(hook.address),
            ),
            deployment=DEPLOYMENT,
        )
        yield Called(plane=plane, deployment=deployment, agent=agent, hook=hook, mailbox=mailbox)


def test_runs_and_ticks_fail(called: Called) -> None:
    deployment = called.deployment
    # Where to go on is known after the first look.
    eventually(
        lambda: called.plane.store.alert_outbox.cursors(DEPLOYMENT), _SECONDS, "the first look"
    )
    failing = deployment.launch(LOCATION, "failing")
    endless = deployment.launch(LOCATION, "endless")
    deployment.start_sensor(LOCATION, "broken_sensor")
    for event, run_id in (("JOB_FAILURE", failing), ("JOB_LONG_RUNNING", endless)):
        eventually(partial(called.events, event), 120, event)
        (found,) = called.events(event)
        assert (found["run_id"], found["location"]) == (run_id, LOCATION)
    deployment.terminate(endless)
    eventually(lambda: bool(called.events("TICK_FAILURE")), 120, "the tick")
    (tick,) = called.events("TICK_FAILURE")
    assert tick["automation"] == "broken_sensor"
    assert "RuntimeError" in tick["says"]


def test_the_last_agent_of_a_queue_dies(called: Called) -> None:
    assert called.events("QUEUE_UNSERVED", "AGENT_DOWN") == []
    called.agent.kill_alone()
    died = time.monotonic()
    eventually(lambda: bool(called.events("QUEUE_UNSERVED")), _SECONDS, "the page to be called")
    eventually(lambda: bool(called.mailbox.mails), _SECONDS, "the mail")
    assert time.monotonic() - died < _SECONDS
    (unserved,) = called.events("QUEUE_UNSERVED")
    assert QUEUE in unserved["title"]
    (down,) = called.events("AGENT_DOWN")
    assert "worker-1" in down["title"]
    (mail,) = called.mailbox.mails
    assert QUEUE in mail["Subject"]
    assert mail["Message-ID"].endswith("@example.com>")
