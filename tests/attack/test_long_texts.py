"""Texts that are longer than the column for them: SQLite would take them, and Postgres fail.

The columns are found by walking the tables. A new one fails here until it is said who bounds it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest
from dagster import DagsterRun
from dagster._serdes import serialize_value
from sqlalchemy import String, Text

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.agents import AgentReport
from dagstead.control.tokens import check_token_name
from dagstead.errors import InvalidInputError
from dagstead.plane.alert_documents import read_policy
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.ci_logins import NewPins, TokenUse
from dagstead.plane.names import check_deployment_name, check_location_name, check_queue_name
from dagstead.plane.secrets import check_secret_name
from dagstead.plane.tokens import TokenKind
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, check_issuer
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.store.tables import metadata
from tests.support.alert_policies import entry_of
from tests.unit.server.conftest import Plane

DEPLOYMENT, LOCATION, QUEUE, AGENT, RUN = "deployment", "location", "queue", "agent's id", "run"
ISSUER, KEY, TOKEN, SECRET, REPOSITORY = "issuer", "key", "token", "secret", "repository"
NUMBER, POLICY = "number of a repository", "name of an alert policy"
#: Hashes, numbers, and words of a few that we choose; what is cut; and names of files, which are
#: addresses of the blob store and bounded there.
OURS = "ours"

#: Who bounds what is in a column.
BOUNDED: dict[str, str] = {
    **dict.fromkeys(
        (
            *("deployments.name", "deployments.base", "locations.deployment"),
            *("releases.deployment", "release_parts.deployment", "workspace_versions.deployment"),
            *("requests.deployment", "launches.deployment", "heartbeats.deployment"),
            *("worker_tokens.deployment", "made_by_workers.deployment", "secrets.deployment"),
            *("writes.deployment", "deletions.deployment", "branches.deployment"),
            *("server_logs.deployment", "alert_policies.deployment", "alert_silences.deployment"),
            "alert_cursors.deployment",
            *("noted_waits.deployment", "traces.deployment"),
        ),
        DEPLOYMENT,
    ),
    **dict.fromkeys(
        (
            *("locations.name", "release_parts.name", "requests.location", "launches.location"),
            *("worker_tokens.location", "made_by_workers.location", "secrets.location"),
            "server_logs.location",
        ),
        LOCATION,
    ),
    **dict.fromkeys(
        (
            *("locations.queue", "release_parts.queue", "requests.queue", "launches.queue"),
            # With a sign before the name.
            *("launches.fell_from", "queue_calls.key", "queues.key", "tallies.place"),
        ),
        QUEUE,
    ),
    **dict.fromkeys(
        (
            *("heartbeats.agent_id", "heartbeats.reported_id", "worker_tokens.agent_id"),
            *("requests.begun_by", "launches.begun_by"),
        ),
        AGENT,
    ),
    # Without a launch there is no worker, and no launch without a run.
    **dict.fromkeys(
        (
            *("launches.run_id", "requests.run_id", "worker_tokens.run_id"),
            *("made_by_workers.id", "made_by_workers.by_run", "noted_waits.run_id", "traces.id"),
        ),
        RUN,
    ),
    "trust_policies.issuer": ISSUER,
    "trust_pins.issuer": ISSUER,
    "trust_pins.path": REPOSITORY,
    "trust_pins.number": NUMBER,
    "writes.key": KEY,
    "tokens.name": TOKEN,
    "tokens.repository": REPOSITORY,
    "worker_tokens.pool": TOKEN,
    "secrets.name": SECRET,
    "alert_policies.name": POLICY,
    **dict.fromkeys(
        (
            *("deployments.kind", "locations.deploy_id", "locations.manifest_deploy_id"),
            *("locations.state", "releases.state", "releases.cause", "release_parts.deploy_id"),
            *("release_parts.state", "release_parts.phase", "requests.id", "requests.api"),
            *("requests.state", "launches.state", "launches.request_id", "tokens.kind"),
            *("tokens.hash", "worker_tokens.hash", "sessions.hash", "sign_in_links.hash"),
            *("former_secrets.hash", "used_ci_tokens.key"),
            *("trust_policies.provider", "pex_files.namespace", "pex_files.name"),
            *("pushed_images.repository", "pushed_images.tag", "pushed_images.digest"),
            *("pushed_images.namespace", "pex_files.sha256"),
            *("secrets.slot", "secrets.kind", "secrets.batch", "secrets.key"),
            *("secrets.updated_by", "properties.name", "leader.name"),
            *("trail.hash", "trail.who_kind", "trail.act", "trail.result", "trail_begun.id"),
            *("branches.condition", "refused_callers.act", "refused_callers.kind"),
            *("refused_callers.key", "tallies.detail", "tallies.what", "traces.kind"),
            *("traces.parent", "trail_head.name", "trail_head.hash", "trail_sinks.name"),
            *("server_logs.server", "alert_policies.document", "alert_policies.key"),
            *("alerts_firing.key", "alerts_firing.event", "alerts_firing.delivery_id"),
            *("alert_deliveries.id", "alert_deliveries.state", "alert_cursors.event"),
        ),
        OURS,
    ),
}


def _begin_launch(plane: Plane, text: str) -> None:
    prod = plane.store.deployments.get("prod")
    plane.control.requests.begin_launch(SYSTEM, prod, "run", text)


def _report(plane: Plane, text: str) -> None:
    token, _ = plane.token(TokenKind.AGENT)
    report = AgentReport(
        agent_id=text,
        deployment="prod",
        label=None,
        type=None,
        version=None,
        queues=frozenset({None}),
        branch_deployments=False,
        metadata={},
        run_worker_statuses=None,
        errors=(),
    )
    plane.control.agents.record(Actor.holding(token), [report])


def _write(plane: Plane, text: str) -> None:
    prod = plane.store.deployments.get("prod")
    plane.control.writes.ledger(SYSTEM, prod, ()).begin(text)


def _exchange(plane: Plane, text: str) -> None:
    allowed = JobGrant(deployments=frozenset(), branch_deployments=True, locations=None)
    wanted = JobFilter(repository="org/**", any_ref=True, claims={})
    new = NewPolicy(issuer="github", provider=None, wanted=wanted, allowed=allowed)
    policy = plane.control.trust.add(SYSTEM, new, loopback=False)
    claims = {"repository": f"org/{text}"}
    use = TokenUse(key=sha256(text.encode()).hexdigest(), expires_at=plane.clock() + 60.0)
    plane.control.trust.exchange(SYSTEM, policy, claims, use, "dagstead")


def _pin_repository(plane: Plane, text: str) -> None:
    pinned = NewPins(issuer="github", repository=f"org/{text}", number="1")
    plane.control.trust.pin(SYSTEM, pinned, loopback=False)


def _pin_number(plane: Plane, text: str) -> None:
    pinned = NewPins(issuer="github", repository="org/repo", owner_number=text)
    plane.control.trust.pin(SYSTEM, pinned, loopback=False)


ATTEMPTS: list[tuple[str, Callable[[Plane, str], object]]] = [
    (DEPLOYMENT, lambda _, text: check_deployment_name(text)),
    (LOCATION, lambda _, text: check_location_name(text)),
    (QUEUE, lambda _, text: check_queue_name(text)),
    (AGENT, _report),
    (AGENT, _begin_launch),
    (KEY, _write),
    (ISSUER, lambda _, text: check_issuer(f"https://{text}", loopback=False)),
    (TOKEN, lambda _, text: check_token_name(text)),
    (REPOSITORY, _exchange),
    (REPOSITORY, _pin_repository),
    (NUMBER, _pin_number),
    (SECRET, lambda _, text: check_secret_name(text)),
    (POLICY, lambda _, text: read_policy(entry_of(text, "JOB_FAILURE"), AlertDocument.OWN)),
]


def _narrowest(owner: str) -> int:
    return min(
        column.type.length or sys.maxsize
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) and BOUNDED.get(f"{table.name}.{column.name}") == owner
    )


def test_it_is_said_for_every_bounded_column_who_bounds_it() -> None:
    bounded = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) and not isinstance(column.type, Text)
    }
    assert bounded == set(BOUNDED)
    assert set(BOUNDED.values()) - {owner for owner, _ in ATTEMPTS} == {OURS, RUN}


@pytest.mark.parametrize(("owner", "attempt"), ATTEMPTS)
@pytest.mark.usefixtures("no_policies")
def test_a_longer_text_is_refused_at_the_door(
    plane: Plane, owner: str, attempt: Callable[[Plane, str], object]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        attempt(plane, "a" * (_narrowest(owner) + 1))
    assert len(refused.value.message) < 400


def test_a_run_with_a_long_id_is_not_stored(plane: Plane, client: httpx.Client) -> None:
    run_id = "r" * (_narrowest(RUN) + 1)
    document = """mutation ($run: String!) {
      runs { addRun(serializedPipelineRun: $run) { ok error { message } } }
    }"""
    run = serialize_value(DagsterRun(job_name="j", run_id=run_id))
    _, secret = plane.token(TokenKind.AGENT)
    headers = {TOKEN_HEADER: secret, "Dagster-Cloud-Deployment": "prod"}
    body: dict[str, Any] = {"query": document, "variables": {"run": run}}
    answer = client.post("/graphql", json=body, headers=headers)
    assert "has 65 characters" in json.dumps(answer.json()["errors"])
