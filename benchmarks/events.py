"""Events a second: processes that write them, through HTTP as stock workers do, or to storage."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.costs import Window
from benchmarks.samples import Goal, Sample
from tests.support.control_plane import ControlPlane
from tests.support.environments import own_environment

SCENARIO = "Events"
RATE, PROCESSOR = "events", "processor of the web server for an event"
#: Tests want to read more.
_VARIABLES = {"DAGSTEAD_LOG_LEVEL": "info"}
_DEPLOYMENT = "prod"
#: Batch size and number of writers.
LOADS = {"single, 1 writer": (1, 1), "single, 16 writers": (1, 16), "50, 16 writers": (50, 16)}

GOALS = (
    *(
        Goal(
            scenario=SCENARIO,
            case=f"{load}; {database}",
            metric=RATE,
            system="dagstead",
            peer="plain",
            at_least=least,
        )
        for load, database, least in (
            ("single, 16 writers", "SQLite", 1),
            ("single, 16 writers", "Postgres", 2),
            ("50, 16 writers", "SQLite", 5),
            ("50, 16 writers", "Postgres", 5),
        )
    ),
    Goal(
        scenario=SCENARIO,
        case="single, 16 writers; SQLite",
        metric=PROCESSOR,
        system="dagstead",
        at_most=0.7,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where writers write."""

    name: str
    writers: subprocess.Popen[str]
    #: What works for them.
    server: psutil.Process | None = None

    def tell(self, what: object) -> None:
        """Say something to the writers."""
        assert self.writers.stdin is not None  # noqa: S101 - asked for
        self.writers.stdin.write(f"{json.dumps(what)}\n")
        self.writers.stdin.flush()

    def hear(self) -> Any:
        """What they say next."""
        assert self.writers.stdout is not None  # noqa: S101 - asked for
        line = self.writers.stdout.readline()
        if not line:
            sys.exit(f"The writers of {self.name} have ended.")
        return json.loads(line)


@contextmanager
def storages(
    folder: Path, database: str | None, plain_database: str | None
) -> Iterator[list[Storage]]:
    """A control plane that agents write to, and open-source storage."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(folder, database=database, variables=_VARIABLES))
        stack.enter_context(closing(plane.deployment(_DEPLOYMENT)))
        agent = stack.enter_context(_writers(_home(folder / "agent", _agent(plane))))
        plain = stack.enter_context(_writers(_home(folder / "plain", _plain(plain_database))))
        yield [
            Storage(name="dagstead", writers=agent, server=plane.web_process),
            Storage(name="plain", writers=plain),
        ]


def measure(
    places: Sequence[Storage], rounds: int, seconds: float, database: str
) -> Iterator[Sample]:
    """Write into one after the other, with each load, in every round."""
    for number in range(rounds):
        for load, (batch, writers) in LOADS.items():
            turn = number % len(places)
            for place in (*places[turn:], *places[:turn]):
                yield from _one(place, [batch, writers, seconds], f"{load}; {database}")


def _one(place: Storage, load: Sequence[float], case: str) -> Iterator[Sample]:
    place.tell(load)
    place.hear()
    window = Window([place.server] if place.server else [])
    place.tell("begin")
    written = place.hear()
    used = window.processor_seconds
    yield _sample(case, place.name, RATE, "/s", written["rate"])
    if place.server:
        yield _sample(case, place.name, PROCESSOR, "ms", 1000 * used / written["events"])


def _sample(case: str, system: str, metric: str, unit: str, value: float) -> Sample:
    return Sample(
        scenario=SCENARIO, case=case, system=system, metric=metric, unit=unit, value=value
    )


@contextmanager
def _writers(home: Path) -> Iterator[subprocess.Popen[str]]:
    variables = own_environment().variables(DAGSTER_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="1")
    program = [sys.executable, "-m", "benchmarks.event_writers"]
    with subprocess.Popen(  # noqa: S603 - our own words
        program, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writers:
        yield writers
        assert writers.stdin is not None  # noqa: S101 - asked for
        writers.stdin.close()


def _home(folder: Path, configuration: Mapping[str, object]) -> Path:
    folder.mkdir()
    (folder / "dagster.yaml").write_text(json.dumps(configuration), encoding="utf-8")
    return folder


def _agent(plane: ControlPlane) -> Mapping[str, object]:
    return {
        "instance_class": {
            "module": "dagster_cloud.instance",
            "class": "DagsterCloudAgentInstance",
        },
        "dagster_cloud_api": {
            "url": plane.url,
            "agent_token": plane.agent_token(f"writer {time.time()}"),
            "deployment": _DEPLOYMENT,
        },
        "user_code_launcher": {
            "module": "dagster_cloud.workspace.user_code_launcher",
            "class": "ProcessUserCodeLauncher",
        },
    }


def _plain(database: str | None) -> Mapping[str, object]:
    storage = {"storage": {"postgres": {"postgres_url": database}}} if database else {}
    return {"telemetry": {"enabled": False}, **storage}
