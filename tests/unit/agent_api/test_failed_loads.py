"""What each reader sees of a location while it loads, fails, goes back and recovers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from dagster import Definitions, job, op
from dagster_cloud_cli import gql

from dagstead.control.actor import SYSTEM
from dagstead.engine.location_entries import FAILURE_KEY, STATUS_KEY
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.roles import Role, Roles
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.played_agent import PlayedAgent
from tests.unit.agent_api.conftest import Wire

NAME = "ml"

#: What the UI sends for each location whose ``versionKey`` has changed, and beside it every other
#: field that shows locations.
READERS = """
query Readers($name: String!, $selector: RepositorySelector!) {
  workspaceLocationEntryOrError(name: $name) { ... on WorkspaceLocationEntry { ...Entry } }
  workspaceOrError { ... on Workspace { locationEntries { ...Entry } } }
  locationStatusesOrError {
    ... on WorkspaceLocationStatusEntries { entries { name loadStatus versionKey } }
  }
  codeLocations(deploymentName: "prod") { locationName state }
  repositoriesOrError {
    ... on RepositoryConnection { nodes { location { name } jobs { name } } }
  }
  repositoryOrError(repositorySelector: $selector) {
    ... on Repository { jobs { name } }
    ... on PythonError { message }
  }
}
fragment Entry on WorkspaceLocationEntry {
  name loadStatus versionKey displayMetadata { key value }
  locationOrLoadError {
    ... on RepositoryLocation { repositories { jobs { name } } }
    ... on PythonError { message stack errorChain { error { message stack } } }
  }
}
"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on PythonError { message } }
}
"""
RELOAD = """
mutation Reload($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) { __typename }
}
"""


def definitions(name: str) -> Definitions:
    """Code with one job."""

    @op
    def nothing() -> None: ...

    @job(name=name)
    def only() -> None:
        nothing()

    return Definitions(jobs=[only])


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the readers see at one time."""

    status: str
    version_key: str
    #: The jobs in the entry that the UI reads; ``None`` without definitions.
    jobs: tuple[str, ...] | None
    #: The error there, with stacks and causes.
    error: str | None
    #: The error that the official CLI reads after a deploy.
    outcome: str | None
    metadata: Mapping[str, str]
    #: The status that every door shows.
    state: str
    #: What the fields for repositories show.
    listed: tuple[str, ...]
    served: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A person and an agent at work on one location of prod."""

    wire: Wire
    person: Mapping[str, str]
    agent: PlayedAgent

    def ask(self, document: str, /, **variables: object) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        answer = self.wire.client.post("/prod/graphql", json=body, headers=self.person).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def deploy(self) -> None:
        document = {"location_name": NAME, "code_source": {"module_name": "defs"}}
        answer = self.ask(
            gql.DEPLOY_LOCATIONS_FROM_DOCUMENT_MUTATION, document={"locations": [document]}
        )
        assert answer["deployLocations"]["__typename"] == "DeployLocationsSuccess"

    def go_live(self, job_name: str) -> None:
        self.deploy()
        self.agent.load(NAME, definitions(job_name))

    def reload(self) -> None:
        answer = self.ask(RELOAD, name=NAME)["reloadRepositoryLocation"]
        assert answer == {"__typename": "WorkspaceLocationEntry"}

    def later(self, seconds: float, *servers: ServerReport) -> None:
        """Let time pass until the agent's next heartbeat and poll."""
        self.wire.clock.advance(seconds)
        token = self.wire.store.tokens.all()[0]
        self.wire.store.token_calls.polled(token.id)
        beat = heartbeat_of(now=self.wire.clock(), token_id=token.id, servers=servers)
        self.wire.store.agents.record([beat])

    def heal(self) -> Sequence[str]:
        """What the control plane does by itself, every few seconds."""
        control = control_without_dagster(self.wire.store)
        return control.statuses.heal(SYSTEM, self.wire.store.deployments.get("prod"))

    def seen(self) -> Seen:
        selector = {"repositoryName": "__repository__", "repositoryLocationName": NAME}
        answer = self.ask(READERS, name=NAME, selector=selector)
        entry = answer["workspaceLocationEntryOrError"]
        [outcome] = answer["workspaceOrError"]["locationEntries"]
        [status] = answer["locationStatusesOrError"]["entries"]
        same = ("name", "loadStatus", "versionKey")
        assert [entry[each] for each in same] == [status[each] for each in same]
        assert [entry[each] for each in same] == [outcome[each] for each in same]
        assert _metadata(entry) == _metadata(outcome)
        (listed,) = [each for each in answer["codeLocations"] if each["locationName"] == NAME]
        assert listed["state"] == _metadata(entry)[STATUS_KEY]
        loaded = entry["locationOrLoadError"] or {}
        repositories = loaded.get("repositories")
        return Seen(
            status=entry["loadStatus"],
            version_key=entry["versionKey"],
            jobs=None if repositories is None else _jobs(*repositories),
            error=_error(loaded),
            outcome=_error(outcome["locationOrLoadError"] or {}),
            metadata=_metadata(entry),
            state=_metadata(entry)[STATUS_KEY],
            listed=_jobs(*answer["repositoriesOrError"]["nodes"]),
            served=_jobs(answer["repositoryOrError"]),
        )


@pytest.fixture
def plane(wire: Wire) -> Iterator[Plane]:
    plane = Plane(
        wire=wire,
        person=wire.token(TokenKind.USER, Grant()),
        agent=PlayedAgent(
            store=wire.store,
            deployment="prod",
            put=lambda path, files: wire.call("PUT", path, files=files),
        ),
    )
    plane.later(5)
    yield plane
    wire.store.releases.remove("prod", NAME)


def test_a_first_deploy_loads(plane: Plane) -> None:
    plane.deploy()
    loading = plane.seen()
    assert (loading.status, loading.jobs, loading.error, loading.outcome) == (
        ("LOADING", None, None, None)
    )

    plane.agent.load(NAME, definitions("first"))

    loaded = plane.seen()
    assert loaded.status == "LOADED"
    assert loaded.jobs == loaded.listed == loaded.served == ("first",)
    assert (loaded.error, loaded.outcome) == (None, None)
    assert loaded.version_key != loading.version_key


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_the_definitions(plane: Plane, role: Role) -> None:
    plane.go_live("first")
    person = plane.wire.token(TokenKind.USER, Grant(roles=Roles(default=role)))
    seen = replace(plane, person=person).seen()
    assert seen == plane.seen()
    assert seen.jobs == seen.listed == seen.served == ("first",)


def test_a_first_deploy_fails_and_recovers(plane: Plane) -> None:
    plane.deploy()
    plane.agent.fail(NAME)

    failed = plane.seen()
    assert (failed.status, failed.jobs, failed.listed, failed.served) == ("LOADED", None, (), ())
    assert failed.error == failed.outcome
    assert "It serves nothing yet." in (failed.error or "")
    assert "RuntimeError: warehouse is down" in (failed.error or "")
    assert 'File "defs.py", line 2' in (failed.error or "")

    plane.agent.load(NAME, definitions("first"))

    recovered = plane.seen()
    assert (recovered.jobs, recovered.error, recovered.outcome) == (("first",), None, None)
    assert recovered.version_key != failed.version_key


def test_a_reload_fails_and_a_second_one_recovers(plane: Plane) -> None:
    plane.go_live("first")
    before = plane.seen()
    plane.reload()
    loading = plane.seen()
    assert (loading.status, loading.jobs, loading.error) == ("LOADING", ("first",), None)
    plane.agent.fail(NAME)

    failed = plane.seen()
    assert (failed.status, failed.jobs, failed.listed, failed.served) == ("LOADED", None, (), ())
    assert failed.error == failed.outcome
    assert "RuntimeError: warehouse is down" in (failed.error or "")
    assert 'File "defs.py", line 2' in (failed.error or "")
    assert len({before.version_key, loading.version_key, failed.version_key}) == 3

    plane.reload()
    assert plane.seen().status == "LOADING"
    plane.agent.load(NAME, definitions("second"))

    recovered = plane.seen()
    assert recovered.jobs == recovered.listed == recovered.served == ("second",)
    assert (recovered.error, recovered.outcome) == (None, None)


def test_code_that_fails_later_recovers_without_a_reload(plane: Plane) -> None:
    plane.go_live("first")
    plane.agent.fail(NAME)
    assert "warehouse is down" in (plane.seen().error or "")

    plane.agent.load(NAME, definitions("first"))

    recovered = plane.seen()
    assert (recovered.jobs, recovered.error, recovered.outcome) == (("first",), None, None)


def test_a_launch_on_code_that_cannot_be_loaded_learns_why(plane: Plane) -> None:
    plane.go_live("first")
    plane.agent.fail(NAME)

    selector = {
        "repositoryName": "__repository__",
        "repositoryLocationName": NAME,
        "jobName": "first",
    }
    answer = plane.ask(LAUNCH, params={"selector": selector, "mode": "default"})["launchRun"]

    assert answer["__typename"] == "PythonError"
    assert "RuntimeError: warehouse is down" in answer["message"]


def test_a_failed_release_leaves_what_was_live_before_usable(plane: Plane) -> None:
    plane.go_live("first")
    plane.deploy()
    assert plane.seen().status == "LOADING"
    plane.agent.fail(NAME)
    returning = plane.seen()
    plane.agent.load(NAME, definitions("first"))
    returned = plane.seen()

    for each in (returning, returned):
        assert (each.status, each.error) == ("LOADED", None)
        assert each.jobs == each.listed == each.served == ("first",)
        assert "did not go live" in each.metadata[FAILURE_KEY]
        assert "RuntimeError: warehouse is down" in each.metadata[FAILURE_KEY]
        # The official CLI must not say that this deploy succeeded.
        assert "did not go live" in (each.outcome or "")
        assert "RuntimeError: warehouse is down" in (each.outcome or "")
    assert returning.version_key != returned.version_key

    plane.go_live("second")
    mended = plane.seen()
    assert (mended.jobs, mended.outcome) == (("second",), None)
    assert FAILURE_KEY not in mended.metadata


def test_what_was_live_before_may_fail_as_well(plane: Plane) -> None:
    plane.go_live("first")
    plane.deploy()
    plane.agent.fail(NAME)
    plane.agent.fail(NAME)

    failed = plane.seen()
    assert (failed.jobs, failed.listed, failed.served) == (None, (), ())
    assert failed.error == failed.outcome
    assert "That can no longer be loaded" in (failed.error or "")
    assert "RuntimeError: warehouse is down" in (failed.error or "")

    plane.agent.load(NAME, definitions("first"))

    returned = plane.seen()
    assert (returned.jobs, returned.error) == (("first",), None)
    assert "did not go live" in returned.metadata[FAILURE_KEY]
    assert "warehouse" not in returned.metadata[FAILURE_KEY]


def test_every_door_says_that_nobody_serves_a_location(plane: Plane) -> None:
    plane.go_live("first")
    assert plane.seen().state == "live"
    plane.wire.clock.advance(16)

    alone = plane.seen()

    assert alone.state.startswith("nobody serves it since 2033-05-18T")
    # Its jobs and assets are still there to be looked at, and nothing calls it loaded.
    assert (alone.status, alone.jobs) == ("LOADING", ("first",))
    assert "No agent is running" in (alone.outcome or "")
    assert "No agent is running" in alone.metadata[FAILURE_KEY]

    plane.later(1)
    assert plane.seen().state == "live"


def test_every_door_says_that_a_location_is_being_healed(plane: Plane) -> None:
    plane.go_live("first")
    plane.agent.fail(NAME)
    assert plane.seen().state == "in error"
    timestamp = plane.wire.store.locations.get("prod", NAME).timestamp

    plane.later(6)
    assert plane.heal() == [NAME]
    assert plane.heal() == []
    under_way = plane.seen()
    plane.agent.fail(NAME)
    waiting = plane.seen()

    assert plane.wire.store.locations.get("prod", NAME).timestamp >= timestamp + 1
    assert under_way.state == "in error, healing (try 1 under way)"
    assert waiting.state.startswith("in error, healing (try 1, next at ")
    for each in (under_way, waiting):
        assert (each.status, each.jobs) == ("LOADED", None)
        assert "RuntimeError: warehouse is down" in (each.error or "")

    plane.later(11)
    assert plane.heal() == [NAME]
    plane.agent.load(NAME, definitions("first"))
    well = plane.seen()
    assert (well.state, well.jobs, well.error) == ("live", ("first",), None)


def test_a_code_server_that_its_agent_calls_failed_is_healed(plane: Plane) -> None:
    plane.go_live("first")
    plane.later(6, ServerReport(location=NAME, state=ServerState.FAILED, error="warehouse is down"))

    assert plane.seen().state == "in error"
    assert "warehouse is down" in (plane.seen().error or "")
    assert plane.heal() == [NAME]
    healing = plane.seen()
    assert healing.state == "in error, healing (try 1 under way)"
    assert "warehouse is down" in (healing.error or "")
    plane.agent.load(NAME, definitions("first"))
    assert plane.seen().state == "live"


def _jobs(*repositories: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(job["name"] for each in repositories for job in each.get("jobs", []))


def _metadata(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return {each["key"]: each["value"] for each in entry["displayMetadata"]}


def _error(found: Mapping[str, Any]) -> str | None:
    if "message" not in found:
        return None
    chain = [each["error"] for each in found["errorChain"]]
    return "".join(each["message"] + "".join(each["stack"]) for each in [found, *chain])
