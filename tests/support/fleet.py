"""A control plane with two official agents of one minor, made once for many checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.distribution import FLEET_ID
from tests.support.environments import AGENT_MINORS, agent_environment

#: The default queue's agent uses what agents do when nothing is configured; the named queue's
#: uses every other way that there is on the wire.
DEFAULT_AGENT = "on-default"
NAMED_AGENT = "on-named"
NAMED_QUEUE = "named-queue"

#: A location of the same code on each queue.
DEFAULT_LOCATION = "shop"
NAMED_LOCATION = "shop_named"

DEPLOYMENT = "prod"

_MODULE = "compat_definitions"

#: The newest minor has SQLite behind it wherever the pool and the command lines are tested.
_DATABASES = dict.fromkeys(AGENT_MINORS, "sqlite") | {AGENT_MINORS[-1]: "postgres"}

#: A fleet of each minor, for the fixture ``fleet``. Every day the oldest and the newest are tested.
FLEETS = tuple(
    pytest.param(
        (minor, database),
        id=f"{FLEET_ID}{minor}-{database}",
        marks=[pytest.mark.thorough] if minor in AGENT_MINORS[1:-1] else [],
    )
    for minor, database in _DATABASES.items()
)

#: For what reaches agents by the same questions and answers as everything else.
of_the_newest_minor_every_day = pytest.mark.parametrize(
    "fleet",
    [pytest.param(*each.values, id=each.id, marks=pytest.mark.thorough) for each in FLEETS[:-1]]
    + [FLEETS[-1]],
    indirect=True,
)

#: For what the server does by itself, whichever agent it has.
of_the_newest_minor = pytest.mark.parametrize("fleet", FLEETS[-1:], indirect=True)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What the tests of one agent minor share. Nobody may stop the agents or the plane."""

    minor: str
    plane: ControlPlane
    deployment: DeploymentClient
    #: Serves the default queue.
    default_agent: OfficialAgent
    #: Serves only ``named-queue``: direct uploads, batched answers, events over REST.
    named_agent: OfficialAgent
    #: Of ``every_minute``; the test of schedules comes first, and switches it off.
    schedule: str
    #: Of the two partitions of the asset ``lettered``; the daemon looks at it twice a minute.
    backfill: str


@contextmanager
def running_fleet(folder: Path, minor: str, database: str | None) -> Iterator[Fleet]:
    """Start it, deploy its two locations, and end all of it."""
    environment = agent_environment(minor)
    secrets = {"DAGSTEAD_SECRET_GREETING": "hello"}
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(folder, database=database, variables=secrets))
        deployment = plane.deployment(DEPLOYMENT)
        stack.callback(deployment.close)
        plane.set_secret("GREETING", "good day", DEPLOYMENT, NAMED_LOCATION)
        on_default = AgentSetup(
            label=DEFAULT_AGENT,
            token=plane.agent_token(DEFAULT_AGENT),
            deployments=[DEPLOYMENT],
        )
        on_named = AgentSetup(
            label=NAMED_AGENT,
            token=plane.agent_token(NAMED_AGENT, queues=[NAMED_QUEUE]),
            deployments=[DEPLOYMENT],
            queues=[NAMED_QUEUE],
            default_queue=False,
            direct_uploads=True,
            variables={
                "DAGSTER_CLOUD_AGENT_UPLOAD_API_RESPONSE_BATCHING_ENABLED": "true",
                "DAGSTER_CLOUD_STORE_EVENT_OVER_HTTP": "1",
            },
        )
        agents = [
            stack.enter_context(OfficialAgent(plane, environment, setup))
            for setup in (on_default, on_named)
        ]
        for agent in agents:
            # Nobody needs their orderly end, which waits for their code servers.
            stack.callback(agent.kill)
        deployment.deploy(DEFAULT_LOCATION, _MODULE)
        deployment.deploy(NAMED_LOCATION, _MODULE, queue=NAMED_QUEUE)
        deployment.wait_until_loaded(DEFAULT_LOCATION, NAMED_LOCATION)
        # These take up to a minute, while other tests run.
        schedule = deployment.start_schedule(DEFAULT_LOCATION, "every_minute")
        backfill = deployment.backfill_assets(["lettered"], ["a", "b"])
        yield Fleet(
            minor=minor,
            plane=plane,
            deployment=deployment,
            default_agent=agents[0],
            named_agent=agents[1],
            schedule=schedule,
            backfill=backfill,
        )
