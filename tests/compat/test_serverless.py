"""The managed pool in a whole control plane: PEX locations load, run, end and survive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.pex import PexBench, pex_tag
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

pytestmark = [pytest.mark.compat, pytest.mark.xdist_group("serverless")]

PROGRAM = Path(sys.executable).with_name("dagstead")
PROD = "prod"

PROJECT = """
import os, sys, time
from pathlib import Path
import dagster, library
from dagster import AssetMaterialization, Definitions, Output, graph, op

def told():
    facts = {
        "library": str(library.VERSION),
        "dagster": dagster.__version__,
        "pid": str(os.getpid()),
        "parent": str(os.getppid()),
        "folder": os.getcwd(),
        "file": Path("beside.txt").read_text(),
        "names": " ".join(sorted(os.environ)),
    }
    return AssetMaterialization("facts", metadata=facts)

@op
def tell():
    yield told()
    yield Output(None)

@op
def wait(context):
    print("waiting", flush=True)
    gate = Path(os.environ["TMPDIR"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)
    yield told()
    yield Output(None)

@graph
def quick():
    tell()

@graph
def slow():
    wait()

definitions = Definitions(
    jobs=[each.to_job(executor_def=dagster.in_process_executor)
          for each in (quick, slow)]
)
"""

DEPLOY = """
mutation Deploy($document: GenericScalar!) {
  deployLocations(document: $document) {
    __typename
    ... on DeployLocationsSuccess { locations { locationName } }
    ... on InvalidLocationError { errors }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""
ADDRESSES = """
mutation Addresses($names: [String!]!) {
  generateServerlessPexUrl(filenames: $names, method: PUT) { url }
}
"""
ENTRIES = """
query Entries {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name loadStatus
        locationOrLoadError { __typename ... on PythonError { message stack } }
      }
    }
  }
}
"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      tags { key value }
      assetMaterializations { metadataEntries { label ... on TextMetadataEntry { text } } }
      eventConnection { events { ... on MessageEvent { message } } }
    }
  }
}
"""
TERMINATE = """
mutation Terminate($id: String!) {
  terminateRun(runId: $id) { __typename ... on PythonError { message } }
}
"""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A control plane with its pool, seen through the operator's API and its own folder."""

    url: str
    token: str
    data: Path
    up: ChildProcess
    bench: PexBench

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/{PROD}/graphql",
            json={"query": query, "variables": variables},
            headers={"Dagster-Cloud-Api-Token": self.token},
            timeout=60,
        )
        body = answer.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    def upload(self, *names: str) -> None:
        answer = self.ask(ADDRESSES, names=list(names))["generateServerlessPexUrl"]
        urls = answer["url"] if isinstance(answer, dict) else [each["url"] for each in answer]
        for name, url in zip(names, urls, strict=True):
            content = (self.bench.shelf / name).read_bytes()
            httpx.put(url, content=content, timeout=60).raise_for_status()

    def deploy(self, location: str, **more: object) -> None:
        document = {
            "location_name": location,
            "code_source": {"module_name": "project"},
            **more,
        }
        result = self.ask(DEPLOY, document={"locations": [document]})["deployLocations"]
        assert result["__typename"] == "DeployLocationsSuccess", result

    def deploy_pex(self, location: str, *files: str) -> None:
        self.upload(*files)
        self.deploy(location, pex_metadata={"pex_tag": pex_tag(*files)})

    def loaded(self, location: str) -> Mapping[str, Any]:
        """What became of the newest deploy."""

        def probe() -> Mapping[str, Any] | None:
            entries = self.ask(ENTRIES)["workspaceOrError"]["locationEntries"]
            for entry in entries:
                if entry["name"] == location and entry["loadStatus"] == "LOADED":
                    found: Mapping[str, Any] = entry["locationOrLoadError"]
                    return found
            return None

        found = eventually(probe, 120, f"location {location!r} to have loaded", poll_seconds=0.5)
        assert found is not None
        return found

    def launch(self, location: str, job: str, **tags: str) -> str:
        result = self.ask(
            LAUNCH,
            params={
                "selector": {
                    "repositoryLocationName": location,
                    "repositoryName": "__repository__",
                    "jobName": job,
                },
                "runConfigData": {},
                "executionMetadata": {
                    "tags": [{"key": key, "value": value} for key, value in tags.items()]
                },
            },
        )["launchRun"]
        assert result["__typename"] == "LaunchRunSuccess", result
        run_id: str = result["run"]["runId"]
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(RUN, id=run_id)["runOrError"]
        return found

    def until(self, run_id: str, status: str, seconds: float = 120) -> dict[str, Any]:
        """Wait for a status; the run ended otherwise is a failure at once."""

        def probe() -> bool:
            seen: str = self.run(run_id)["status"]
            ended = seen in {"SUCCESS", "FAILURE", "CANCELED"}
            assert seen == status or not ended, self.run(run_id)
            return seen == status

        eventually(probe, seconds, f"run {run_id} to be {status}", poll_seconds=0.5)
        return self.run(run_id)

    def facts(self, run_id: str) -> dict[str, str]:
        """What the run's op told of itself."""
        materialized = self.until(run_id, "SUCCESS")["assetMaterializations"]
        return {each["label"]: each["text"] for each in materialized[0]["metadataEntries"]}

    def messages(self, run_id: str) -> str:
        events = self.run(run_id)["eventConnection"]["events"]
        return "\n".join(event.get("message", "") for event in events)

    def worker(self, run_id: str) -> psutil.Process:
        """The process of an isolated run, once it has begun its work."""
        self.until(run_id, "STARTED")
        return self.processes(run_id)[0]

    def open_gate(self, run_id: str) -> None:
        (self.data.parent / "tmp" / f"gate-{run_id}").touch()

    def servers(self) -> list[psutil.Process]:
        """The code servers."""
        return self.processes(" dagster api grpc ")

    def agent_pid(self) -> int | None:
        """The pool's agent; None while there is none."""
        return next((p.pid for p in self.processes("dagster_cloud_cli.entrypoint")), None)

    def processes(self, words: str = "") -> list[psutil.Process]:
        """The processes that run out of the pool's folder, with these words in their command."""
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                if str(self.data / "pool") in command and process.status() != psutil.STATUS_ZOMBIE:
                    found += [process] if words in command else []
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    folder = tmp_path_factory.mktemp("serverless")
    for name in ("shelf", "workshop", "tmp"):
        (folder / name).mkdir()
    data, port = folder / "data", free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("DAGST")},
        "TMPDIR": str(folder / "tmp"),
        "DAGSTEAD_TEST_SECRET": "must not reach user code",
    }
    command = [str(PROGRAM), "up", "--data", str(data), "--port", str(port)]
    with ChildProcess(command, log=folder / "up.log", env=environment, cwd=folder) as up:
        url = f"http://127.0.0.1:{port}"

        def healthy() -> bool:
            assert up.exit_code is None, up.log_tail()
            return httpx.get(f"{url}/health", timeout=5).is_success

        eventually(healthy, 180, "the control plane", retry_on=(httpx.HTTPError,))
        token = subprocess.run(
            [PROGRAM, "token", "create", "--name", "test", "--data", str(data)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        ).stdout.strip()
        yield Plane(
            url=url,
            token=token,
            data=data,
            up=up,
            bench=PexBench(shelf=folder / "shelf", workshop=folder / "workshop"),
        )


@pytest.fixture(scope="module")
def source(plane: Plane) -> str:
    return plane.bench.source({"project.py": PROJECT, "beside.txt": "a file of the project"})


@pytest.fixture(scope="module")
def deps(plane: Plane) -> str:
    return plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})


@pytest.fixture(scope="module")
def location(plane: Plane, source: str, deps: str) -> str:
    """A deployed and loaded location, for the tests about runs."""
    plane.deploy_pex("shared", deps, source)
    assert plane.loaded("shared")["__typename"] == "RepositoryLocation"
    return "shared"


def test_conflicting_dependencies_load_and_run_side_by_side(
    plane: Plane, location: str, source: str
) -> None:
    newer = plane.bench.dependencies({"library/__init__.py": "VERSION = 2\n"})
    plane.deploy_pex("newer", newer, source)
    assert plane.loaded("newer")["__typename"] == "RepositoryLocation"
    runs = [plane.launch(where, "quick") for where in (location, "newer")]
    assert [plane.facts(run)["library"] for run in runs] == ["1", "2"]


def test_an_isolated_run_has_its_own_process_in_the_projects_folder(
    plane: Plane, location: str
) -> None:
    run_id = plane.launch(location, "quick")
    facts = plane.facts(run_id)
    assert facts["file"] == "a file of the project"
    assert facts["folder"].endswith("working_directory/root")
    assert "DAGSTEAD" not in facts["names"]
    tags = {tag["key"]: tag["value"] for tag in plane.run(run_id)["tags"]}
    assert tags["dagster/agent_label"] == "serverless pool"
    assert f"process {facts['pid']} of the serverless pool" in plane.messages(run_id)


def test_a_run_without_isolation_runs_inside_the_code_server(plane: Plane, location: str) -> None:
    facts = plane.facts(plane.launch(location, "quick", **{"dagster/isolation": "disabled"}))
    assert facts["file"] == "a file of the project"
    assert int(facts["parent"]) in {server.pid for server in plane.servers()}


def test_a_location_brings_its_own_older_dagster(plane: Plane, source: str) -> None:
    programs = agent_environment(AGENT_MINORS[0]).programs
    packages = next(programs.parent.glob("lib/python*/site-packages"))
    old = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"}, packages=packages)
    plane.deploy_pex("old", old, source)
    loaded = plane.loaded("old")
    assert loaded["__typename"] == "RepositoryLocation", loaded
    facts = [
        plane.facts(plane.launch("old", "quick", **tags))
        for tags in ({}, {"dagster/isolation": "disabled"})
    ]
    assert {each["dagster"].rpartition(".")[0] for each in facts} == {AGENT_MINORS[0]}


def test_of_several_deploys_in_a_row_the_last_one_serves(plane: Plane, deps: str) -> None:
    sources = [
        plane.bench.source({"project.py": PROJECT + f"# {n}\n", "beside.txt": f"deploy {n}"})
        for n in range(3)
    ]
    plane.upload(deps, *sources)
    for each in sources:
        plane.deploy("rapid", pex_metadata={"pex_tag": pex_tag(deps, each)})
    assert plane.loaded("rapid")["__typename"] == "RepositoryLocation"
    assert plane.facts(plane.launch("rapid", "quick"))["file"] == "deploy 2"


@pytest.mark.parametrize("tags", [{}, {"dagster/isolation": "disabled"}])
def test_a_run_can_be_ended(plane: Plane, location: str, tags: dict[str, str]) -> None:
    run_id = plane.launch(location, "slow", **tags)
    plane.until(run_id, "STARTED")
    plane.ask(TERMINATE, id=run_id)
    plane.until(run_id, "CANCELED")


def test_runs_outlive_their_agent_and_a_worker_that_dies_fails_its_run(
    plane: Plane, location: str
) -> None:
    survivor, orphan = (plane.launch(location, "slow") for _ in range(2))
    plane.worker(survivor)
    orphans_worker = plane.worker(orphan)
    inside = plane.launch(location, "slow", **{"dagster/isolation": "disabled"})
    plane.until(inside, "STARTED")
    old_agent = plane.agent_pid()
    assert old_agent
    os.kill(old_agent, signal.SIGKILL)
    eventually(lambda: plane.agent_pid() not in {None, old_agent}, 60, "another agent")
    for run_id in (survivor, inside):
        plane.open_gate(run_id)
        assert plane.facts(run_id)["library"] == "1"

    # The new agent serves the location as before, with servers of its own.
    fresh = plane.launch(location, "slow")
    plane.worker(fresh).kill()
    orphans_worker.kill()
    plane.until(fresh, "FAILURE", seconds=180)
    assert "was killed by signal 9" in plane.messages(fresh)
    plane.until(orphan, "FAILURE", seconds=180)
    assert "the pool's agent was not there to see it end" in plane.messages(orphan)
    new_agent = plane.agent_pid()
    eventually(
        lambda: {server.ppid() for server in plane.servers()} == {new_agent},
        60,
        "the old agent's code servers to end",
        retry_on=(psutil.Error,),
    )


@pytest.mark.parametrize(
    ("name", "document", "reason"),
    [
        ("plain", {}, "has neither a PEX nor a Docker image"),
        ("image", {"image": "registry/image:1"}, "has the Docker image 'registry/image:1'"),
    ],
)
def test_what_the_pool_cannot_run_says_so(
    plane: Plane, name: str, document: dict[str, object], reason: str
) -> None:
    plane.deploy(name, **document)
    problem = plane.loaded(name)
    assert problem["__typename"] == "PythonError"
    assert reason in problem["message"]
    assert "agent_queue" in problem["message"]
    assert problem["stack"] == []


def test_a_file_that_was_damaged_in_the_store_is_named(plane: Plane, deps: str) -> None:
    content = bytearray((plane.bench.shelf / deps).read_bytes())
    content[len(content) // 2 :] = b""
    name = f"source-{'f' * 40}.pex"
    (plane.bench.shelf / name).write_bytes(content)
    plane.deploy_pex("damaged", deps, name)
    problem = plane.loaded("damaged")
    assert problem["__typename"] == "PythonError"
    assert f"{name} is not a whole PEX file" in problem["message"]
    assert "Code location 'damaged' of deployment 'prod'" in problem["message"]


def test_stopping_leaves_no_process(plane: Plane, location: str) -> None:
    """Last in this file: it ends the control plane of all the others."""
    plane.worker(plane.launch(location, "slow"))
    assert plane.processes()
    plane.up.signal(signal.SIGTERM)
    plane.up.wait(90)
    assert plane.processes() == []
