"""A whole control plane with its managed pool: ``dagstead up``, and what a user does with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from dagstead.testing.waiting import eventually
from tests.support import documents
from tests.support.pex import PexBench, pex_tag
from tests.support.pool_backends import Backend, Processes
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

PROGRAM = Path(sys.executable).with_name("dagstead")
PROD = "prod"

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
ENTRIES = """
query Entries {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name loadStatus
        locationOrLoadError {
          __typename
          ... on PythonError { message stack errorChain { error { message } } }
        }
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
STATUS = """
query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }
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


#: Dagster's error when an agent does not answer for a location.
_UNREACHABLE = "DagsterUserCodeUnreachableError"


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A control plane with its pool, seen through the operator's API and its own folder."""

    url: str
    token: str
    data: Path
    #: Starts `dagstead up` on the folder, and waits until it answers.
    start: Callable[[], ChildProcess]
    #: Every start of it, the present one last.
    starts: list[ChildProcess]
    bench: PexBench
    #: What runs the code of its pool.
    backend: Backend
    #: Kept: to make one takes longer than a call.
    http: httpx.Client
    #: The deployment that is asked.
    deployment: str = PROD

    @property
    def up(self) -> ChildProcess:
        """The present `dagstead up`."""
        return self.starts[-1]

    def start_again(self) -> None:
        """Start it again, after it has ended."""
        self.starts.append(self.start())

    @property
    def folder(self) -> Path:
        """What it lives in, with its logs."""
        return self.data.parent

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = self.http.post(
            f"/{self.deployment}/graphql", json={"query": query, "variables": variables}
        )
        body = answer.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    def upload(self, *names: str) -> None:
        answer = self.ask(documents.ADDRESSES, names=list(names))["generateServerlessPexUrl"]
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

    def deploy_pex(self, location: str, *files: str, **more: object) -> None:
        self.upload(*files)
        self.deploy(location, pex_metadata={"pex_tag": pex_tag(*files)}, **more)

    def loaded(self, location: str) -> Mapping[str, Any]:
        """What became of the newest deploy."""

        def probe() -> Mapping[str, Any] | None:
            entries = self.ask(ENTRIES)["workspaceOrError"]["locationEntries"]
            for entry in entries:
                if entry["name"] == location and entry["loadStatus"] == "LOADED":
                    found: Mapping[str, Any] = entry["locationOrLoadError"]
                    return found
            return None

        found = eventually(probe, 120, f"location {location!r} to have loaded")
        assert found is not None
        return found

    def locations(self) -> set[str]:
        """The names of what is deployed."""
        return {each["name"] for each in self.ask(ENTRIES)["workspaceOrError"]["locationEntries"]}

    def remove(self, location: str) -> None:
        result = self.ask(documents.DELETE, name=location)["deleteLocation"]
        assert result["__typename"] == "DeleteLocationSuccess", result

    def launch(self, location: str, job: str, **tags: str) -> str:
        """Launch a run; while the pool starts, nobody can say how, and the launch is refused."""

        def accepted() -> str | None:
            result = self._launched(location, job, tags)
            if result["__typename"] == "LaunchRunSuccess":
                run_id: str = result["run"]["runId"]
                return run_id
            assert _UNREACHABLE in result.get("message", ""), result
            return None

        run_id = eventually(accepted, 180, f"location {location!r} to be served")
        assert run_id is not None
        return run_id

    def _launched(self, location: str, job: str, tags: Mapping[str, str]) -> dict[str, Any]:
        launched: dict[str, Any] = self.ask(
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
        return launched

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(RUN, id=run_id)["runOrError"]
        return found

    def until(self, run_id: str, status: str, seconds: float = 120) -> dict[str, Any]:
        """Wait for a status; the run ended otherwise is a failure at once."""

        def probe() -> bool:
            seen: str = self.ask(STATUS, id=run_id)["runOrError"]["status"]
            ended = seen in {"SUCCESS", "FAILURE", "CANCELED"}
            assert seen == status or not ended, self.run(run_id)
            return seen == status

        eventually(probe, seconds, f"run {run_id} to be {status}")
        return self.run(run_id)

    def terminate(self, run_id: str) -> None:
        result = self.ask(TERMINATE, id=run_id)["terminateRun"]
        assert result["__typename"] == "TerminateRunSuccess", result

    def facts(self, run_id: str) -> dict[str, str]:
        """What the run's op told of itself."""
        materialized = self.until(run_id, "SUCCESS")["assetMaterializations"]
        entries = materialized[0]["metadataEntries"]
        return {each["label"]: each["text"] for each in entries if "text" in each}

    def messages(self, run_id: str) -> str:
        events = self.run(run_id)["eventConnection"]["events"]
        return "\n".join(event.get("message", "") for event in events)

    def worker(self, run_id: str) -> psutil.Process:
        """The process of an isolated run, once it has begun its work."""
        self.until(run_id, "STARTED")
        # It may have children with its own words; their numbers need not be the higher ones.
        return min(self.processes(run_id), key=psutil.Process.create_time)

    def open_gate(self, run_id: str) -> None:
        (self.backend.gates(self.folder, self.deployment) / f"gate-{run_id}").touch()

    def servers(self) -> list[psutil.Process]:
        """The code servers."""
        return self.processes(" api grpc")

    def agent_pid(self) -> int | None:
        """The pool's agent; None while there is none."""
        return next((p.pid for p in self.processes("dagster_cloud_cli.entrypoint")), None)

    def part(self, name: str) -> psutil.Process:
        """The process of a part of `dagstead up`: its web server, daemon, or pool."""
        words = {"pool": "dagster_cloud_cli.entrypoint"}.get(name, f"dagstead {name}")
        children = psutil.Process(self.up.pid).children()
        return next(child for child in children if words in " ".join(child.cmdline()))

    def is_healthy(self) -> bool:
        return httpx.get(f"{self.url}/health", timeout=5).is_success

    def processes(self, words: str = "") -> list[psutil.Process]:
        """The processes of the pool and of its code, with these words in their command."""
        code = set(self.backend.user_code(self.folder))
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                is_ours = str(self.data / "pool") in command or process in code
                if is_ours and words in command and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


@contextmanager
def running_plane(
    folder: Path,
    *,
    backend: Backend | None = None,
    token: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Plane]:
    """Start everything in ``folder``, with ``dagstead up``; stop it on the way out.

    Args:
        folder: has the data folder, if there is one yet.
        backend: of its pool; processes if left out.
        token: of a user, if there is one.
        variables: more of its environment.
    """
    for name in ("shelf", "workshop", "tmp", "gates"):
        (folder / name).mkdir()
    data, port = folder / "data", free_port()
    backend = backend or Processes()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("DAGST")},
        "TMPDIR": str(folder / "tmp"),
        "DAGSTEAD_TEST_SECRET": "must not reach user code",
        **backend.variables(folder),
        **(variables or {}),
    }
    where = stored_in(data)
    command = [str(PROGRAM), "up", *where, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:

        def start() -> ChildProcess:
            up = stack.enter_context(
                ChildProcess(command, log=folder / "up.log", env=environment, cwd=folder)
            )

            def healthy() -> bool:
                assert up.exit_code is None, up.log_tail()
                return httpx.get(f"{url}/health", timeout=5).is_success

            eventually(healthy, 180, "the control plane", retry_on=(httpx.HTTPError,))
            return up

        first = start()
        token = token or plane_command(
            "token", "create", "--name", "test", *where, environment=environment
        )
        headers = {"Dagster-Cloud-Api-Token": token}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as http:
            yield Plane(
                url=url,
                token=token,
                data=data,
                start=start,
                starts=[first],
                bench=PexBench(
                    shelf=folder / "shelf",
                    workshop=folder / "workshop",
                    packages=backend.packages,
                ),
                backend=backend,
                http=http,
            )


def stored_in(data: Path) -> list[str]:
    """The options of a command that name a control plane."""
    return ["--data", str(data)]


def plane_command(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What a command of ours prints."""
    return subprocess.run(
        [PROGRAM, *words], check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()
