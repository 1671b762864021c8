"""What a person does with one deployment, by the operator GraphQL, and waiting for what comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dagstead.testing.waiting import eventually
from tests.support import documents

#: The code that the compat tests deploy.
USER_CODE = Path(__file__).parent / "user_code"

#: A worker imports Dagster before it says anything, and shares two cores with all others.
RUN_SECONDS = 120.0
LOAD_SECONDS = 120.0

ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})


class GraphQLRefusedError(AssertionError):
    """The server answered with errors."""


@dataclass(frozen=True, kw_only=True)
class LoadedLocation:
    """A location as the workspace shows it."""

    name: str
    load_status: str
    #: The error with its stack, when there is one.
    error: str | None


class DeploymentClient:
    """One deployment and a user token for it."""

    def __init__(self, url: str, name: str, token: str) -> None:
        self.url = url
        self.name = name
        self._http = httpx.Client(
            base_url=url,
            headers={"Dagster-Cloud-Api-Token": token},
            timeout=60,
            trust_env=False,
        )

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation.

        Raises:
            GraphQLRefusedError: with the answer, when it has errors.
        """
        body = {"query": query, "variables": variables}
        response = self._http.post(f"/{self.name}/graphql", json=body)
        answer = response.json()
        if response.status_code != 200 or "errors" in answer:
            message = f"{response.status_code}: {response.text}"
            raise GraphQLRefusedError(message)
        data: dict[str, Any] = answer["data"]
        return data

    def deploy(
        self,
        name: str,
        module: str,
        *,
        queue: str | None = None,
        image: str | None = None,
        pex_tag: str | None = None,
        variables: Mapping[str, str] | None = None,
        warm: bool = True,
    ) -> None:
        """Deploy one location, from a folder here, an image or PEX files.

        It does not wait for it to load. Where it is not ``warm``, nothing of the pool imports its
        code before a run needs it.
        """
        document: dict[str, Any] = {"location_name": name, "code_source": {"module_name": module}}
        if image is not None:
            document["image"] = image
        elif pex_tag is not None:
            document["pex_metadata"] = {"pex_tag": pex_tag}
        else:
            document["working_directory"] = str(USER_CODE)
        if queue is not None:
            document["agent_queue"] = queue
        if variables:
            listed = [f"{key}={value}" for key, value in variables.items()]
            document["container_context"] = {"process": {"env_vars": listed}}
        if not warm:
            document.setdefault("container_context", {})["dagstead_pool"] = {"warm": False}
        answer = self.graphql(documents.DEPLOY, document={"locations": [document]})[
            "deployLocations"
        ]
        if answer["__typename"] != "DeployLocationsSuccess":
            raise GraphQLRefusedError(answer)

    def upload(self, *files: Path) -> None:
        """Upload PEX files."""
        names = [each.name for each in files]
        answer = self.graphql(documents.ADDRESSES, names=names)["generateServerlessPexUrl"]
        urls = answer["url"] if isinstance(answer, dict) else [each["url"] for each in answer]
        for file, url in zip(files, urls, strict=True):
            httpx.put(url, content=file.read_bytes(), timeout=60).raise_for_status()

    def delete_location(self, name: str) -> None:
        """Remove one location."""
        answer = self.graphql(documents.DELETE, name=name)["deleteLocation"]
        if answer["__typename"] != "DeleteLocationSuccess":
            raise GraphQLRefusedError(answer)

    def locations(self) -> dict[str, LoadedLocation]:
        """The locations as they stand, by name."""
        entries = self.graphql(documents.WORKSPACE)["workspaceOrError"]["locationEntries"]
        found = {}
        for entry in entries:
            loaded = entry["locationOrLoadError"] or {}
            found[entry["name"]] = LoadedLocation(
                name=entry["name"],
                load_status=entry["loadStatus"],
                error=_whole_error(loaded) if loaded.get("__typename") == "PythonError" else None,
            )
        return found

    def location(self, name: str) -> LoadedLocation:
        """One of them."""
        return self.locations()[name]

    def served_jobs(self, location: str) -> frozenset[str]:
        """The jobs of the definitions that serve now, those of asset selections too.

        Whatever became of a newer deploy.
        """
        selector = _repository(location)
        found = self.graphql(documents.REPOSITORY, selector=selector)["repositoryOrError"]
        return frozenset(job["name"] for job in found.get("jobs", []))

    def wait_until_loaded(self, *names: str) -> None:
        """Wait until these locations serve what was deployed last."""

        def loaded() -> bool:
            locations = self.locations()
            found = [locations[name] for name in names]
            for each in found:
                if each.error and each.load_status == "LOADED":
                    message = f"{each.name} has not loaded: {each.error}"
                    raise AssertionError(message)
            return all(each.load_status == "LOADED" for each in found)

        what = f"the locations {', '.join(names)} of {self.name}"
        eventually(loaded, LOAD_SECONDS, what)

    def launch(
        self,
        location: str,
        job: str,
        *,
        assets: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launch a run; its id. It is queued at once, nothing is waited for."""
        selector: dict[str, Any] = {**_repository(location), "jobName": job}
        if assets is not None:
            selector["assetSelection"] = [{"path": [each]} for each in assets]
        parameters = {
            "selector": selector,
            "runConfigData": config or {},
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]
            },
            "mode": "default",
        }
        answer = self.graphql(documents.LAUNCH, parameters=parameters)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise GraphQLRefusedError(answer)
        run_id: str = answer["run"]["runId"]
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        """``status`` and ``tags`` (by key) of a run."""
        found = self.graphql(documents.RUN, runId=run_id)["runOrError"]
        return {**found, "tags": {each["key"]: each["value"] for each in found["tags"]}}

    def runs(self, **filter_: object) -> list[dict[str, Any]]:
        """The runs that a ``RunsFilter`` lets through, newest first."""
        found = self.graphql(documents.RUNS, filter=filter_)["runsOrError"]["results"]
        return [
            {**each, "tags": {tag["key"]: tag["value"] for tag in each["tags"]}} for each in found
        ]

    def wait_for_run(
        self,
        run_id: str,
        statuses: Collection[str] = ENDED,
        *,
        deadline_seconds: float = RUN_SECONDS,
    ) -> dict[str, Any]:
        """Wait until a run has one of these statuses; fails at once when it ended in another."""

        def reached() -> dict[str, Any] | None:
            seen = self.run(run_id)
            if seen["status"] in statuses:
                return seen
            if seen["status"] in ENDED:
                messages = "\n".join(each["message"] for each in self.events(run_id))
                message = f"Run {run_id} ended as {seen['status']}:\n{messages}"
                raise AssertionError(message)
            return None

        what = f"run {run_id} to be {' or '.join(sorted(statuses))}"
        try:
            found = eventually(
                reached,
                deadline_seconds,
                what,
                retry_on=(httpx.TransportError,),
            )
        except AssertionError as error:
            error.add_note("\n".join(each["message"] for each in self.events(run_id)))
            raise
        if found is None:
            raise AssertionError(what)
        return found

    def succeed(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has succeeded."""
        return self.wait_for_run(run_id, {"SUCCESS"})

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """All events of a run: type, message, step, and the error of those that have one."""
        events: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = self.graphql(documents.EVENTS, runId=run_id, cursor=cursor)["logsForRun"]
            if answer["__typename"] != "EventConnection":
                raise GraphQLRefusedError(answer)
            events += answer["events"]
            cursor = answer["cursor"]
            if not answer["hasMore"]:
                return events

    def messages(self, run_id: str) -> str:
        """The messages of a run's events and the errors in them, for a search."""
        return "\n".join(
            f"{each['message']}\n{_whole_error(each['error']) if each.get('error') else ''}"
            for each in self.events(run_id)
        )

    def captured(self, run_id: str) -> dict[str, str]:
        """``stdout`` and ``stderr`` of a run's steps, as the UI shows them."""
        found = {"stdout": "", "stderr": ""}
        for event in self.events(run_id):
            if event["__typename"] != "LogsCapturedEvent":
                continue
            key = [run_id, "compute_logs", event["fileKey"]]
            logs = self.graphql(documents.CAPTURED, key=key)["capturedLogs"]
            for stream in found:
                found[stream] += logs[stream] or ""
        return found

    def terminate(self, run_id: str) -> None:
        """Ask for a run's end; does not wait."""
        answer = self.graphql(documents.TERMINATE, runId=run_id)["terminateRun"]
        if answer["__typename"] != "TerminateRunSuccess":
            raise GraphQLRefusedError(answer)

    def start_schedule(self, location: str, name: str) -> str:
        """Switch a schedule on; the identifier of its state, to switch it off by."""
        selector = {**_repository(location), "scheduleName": name}
        answer = self.graphql(documents.START_SCHEDULE, selector=selector)["startSchedule"]
        if answer["__typename"] != "ScheduleStateResult":
            raise GraphQLRefusedError(answer)
        state: str = answer["scheduleState"]["id"]
        return state

    def stop_schedule(self, state: str) -> None:
        """Switch a schedule off."""
        answer = self.graphql(documents.STOP_SCHEDULE, id=state)["stopRunningSchedule"]
        if answer.get("scheduleState") != {"status": "STOPPED"}:
            raise GraphQLRefusedError(answer)

    def start_sensor(self, location: str, name: str) -> None:
        """Switch a sensor on."""
        selector = {**_repository(location), "sensorName": name}
        answer = self.graphql(documents.START_SENSOR, selector=selector)["startSensor"]
        if answer["__typename"] != "Sensor":
            raise GraphQLRefusedError(answer)

    def ticks(self, location: str, name: str) -> list[dict[str, Any]]:
        """The ticks of a schedule or sensor, newest first."""
        selector = {**_repository(location), "name": name}
        found = self.graphql(documents.TICKS, selector=selector)["instigationStateOrError"]
        if "ticks" not in found:
            raise GraphQLRefusedError(found)
        ticks: list[dict[str, Any]] = found["ticks"]
        return ticks

    def wait_for_tick(
        self, location: str, name: str, status: str, *, deadline_seconds: float = RUN_SECONDS
    ) -> dict[str, Any]:
        """Wait until a schedule or sensor has a tick of this status."""
        return (
            eventually(
                lambda: next(
                    (each for each in self.ticks(location, name) if each["status"] == status), None
                ),
                deadline_seconds,
                f"a tick of {name} with status {status}",
            )
            or {}
        )

    def backfill_assets(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch a backfill of asset partitions; its id."""
        parameters = {
            "assetSelection": [{"path": [each]} for each in assets],
            "partitionNames": list(partitions),
        }
        answer = self.graphql(documents.BACKFILL, parameters=parameters)["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise GraphQLRefusedError(answer)
        backfill_id: str = answer["backfillId"]
        return backfill_id

    def wait_for_backfill(self, backfill_id: str) -> None:
        """Wait until a backfill has completed with success."""

        def completed() -> bool:
            found = self.graphql(documents.BACKFILL_STATE, id=backfill_id)[
                "partitionBackfillOrError"
            ]
            if found["status"] in {"FAILED", "COMPLETED_FAILED", "CANCELED"}:
                raise AssertionError(found)
            return bool(found["status"] == "COMPLETED_SUCCESS")

        eventually(completed, RUN_SECONDS, "the backfill's success")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _repository(location: str) -> dict[str, Any]:
    return {"repositoryName": "__repository__", "repositoryLocationName": location}


def _whole_error(error: Mapping[str, Any]) -> str:
    causes = error.get("causes") or error.get("errorChain") or []
    inner = "".join(_whole_error(each.get("error", each)) for each in causes)
    return "".join([error["message"], *error.get("stack", []), inner])
