"""`/metrics`: its form, what it says, and who may read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import partial

import anyio
import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.plane.deployments import Branch
from dagstead.plane.labels import BRANCHES, DEFAULT_QUEUE, MOST_LABELS, OTHERS
from dagstead.plane.tallies import TallyKind
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.server.metrics.exposition import Exposition
from dagstead.server.services import open_instances
from dagstead.store.tables import requests
from tests.support.releases import deploy, new_location
from tests.support.served import app_of
from tests.unit.server.conftest import Plane

_API = "CHECK_FOR_WORKSPACE_UPDATES"
Labels = Mapping[str, str]


@pytest.fixture
def scraper(plane: Plane) -> Mapping[str, str]:
    return plane.headers(TokenKind.METRICS)


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(every: Mapping[str, Metric], name: str, **labels: str) -> float:
    """The sample of a metric that has exactly these labels; 0 if there is none."""
    found = [
        sample.value
        for family in every.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) <= 1
    return found[0] if found else 0.0


def now(plane: Plane) -> dict[str, Metric]:
    """What a process exposes that has read nothing yet."""
    text, _ = Exposition(plane.control).text("")
    return families(text.decode())


def work(queue: str | None, seconds: float = 3600) -> Work:
    return Work(api=_API, queue=queue, lifetime_seconds=seconds)


def test_prometheus_reads_every_family(plane: Plane, client: httpx.Client, scraper: Labels) -> None:
    deploy(plane.store, "prod", [new_location("weather", queue="gpu")])

    answer = client.get("/metrics", headers=scraper)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = families(answer.text)
    assert value(found, "dagstead_queue_locations", queue="gpu") >= 1
    assert value(found, "dagstead_database_up") == 1
    assert value(found, "process_resident_memory_bytes") > 0
    for family in found.values():
        assert family.documentation
        assert family.type != "unknown"
        units = ("_seconds", "_bytes", "_total")
        if family.type == "histogram" or "age" in family.name.split("_"):
            assert family.name.endswith(units)


def test_open_metrics_too(client: httpx.Client, scraper: Labels) -> None:
    form = "application/openmetrics-text; version=1.0.0"
    answer = client.get("/metrics", headers={**scraper, "Accept": form})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in open_metrics(answer.text)} >= {"dagstead_queue_requests"}


def test_who_may_read_metrics(plane: Plane, client: httpx.Client) -> None:
    may = {
        TokenKind.METRICS: 200,
        TokenKind.USER: 200,
        TokenKind.AGENT: 403,
        TokenKind.POOL: 403,
        TokenKind.WORKER: 403,
    }
    seen = {kind: client.get("/metrics", headers=plane.headers(kind)).status_code for kind in may}
    assert seen == may
    assert client.get("/metrics").status_code == 401
    limited = plane.headers(TokenKind.USER, Grant(deployments=["prod"]))
    assert client.get("/metrics", headers=limited).status_code == 403
    of_a_queue = plane.headers(TokenKind.METRICS, Grant(queues=["gpu"]))
    answer = client.get("/metrics", headers=of_a_queue)
    assert answer.status_code == 403
    assert "which grants: gpu" in answer.text


def test_a_network_that_is_let_in_reads_metrics_and_nothing_else(plane: Plane) -> None:
    settings = plane.settings.model_copy(update={"metrics_networks": "10.20.0.0/16"})
    instances = open_instances(settings, plane.store)
    app = app_of(settings, instances, environment={})

    async def status_of(host: str, path: str, **headers: str) -> int:
        transport = httpx.ASGITransport(app, client=(host, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://plane") as client:
            return (await client.get(path, headers=headers)).status_code

    for host, path, headers, status in (
        ("10.20.1.2", "/metrics", {}, 200),
        ("10.21.1.2", "/metrics", {}, 401),
        ("10.20.1.2", "/api/queues/scale", {}, 401),
        ("10.20.1.2", "/graphql", {}, 401),
        ("10.20.1.2", "/metrics", {"X-Forwarded-For": "10.20.1.2"}, 401),
        # Who sends a token is who it says.
        ("10.20.1.2", "/metrics", {"Dagster-Cloud-Api-Token": "nonsense"}, 401),
        ("10.20.1.2", "/metrics", plane.headers(TokenKind.AGENT), 403),
    ):
        assert anyio.run(partial(status_of, host, path, **headers)) == status
    instances.close()


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/prod/graphql", "/agent/graphql", "/prod/", "/gen_logs_url"]
)
def test_a_token_for_metrics_opens_nothing_else(
    client: httpx.Client, scraper: Labels, path: str
) -> None:
    for answer in (
        client.get(path, headers=scraper),
        client.post(path, headers=scraper, json={"query": "{ version }"}),
    ):
        assert answer.status_code in {403, 200}
        assert "/metrics, and nothing else" in answer.text


def test_a_token_for_metrics_grants_no_deployment(plane: Plane) -> None:
    token, _ = plane.token(TokenKind.METRICS)
    assert not Actor.holding(token).grants(plane.store.deployments.get("prod"))


@pytest.fixture
def busy(plane: Plane) -> Iterator[None]:
    """Three threads queue requests and take them, until the test is over."""
    prod = plane.store.deployments.get("prod")
    stop = threading.Event()

    def go(queue: str) -> None:
        token, _ = plane.token(TokenKind.AGENT)
        agent = Actor.holding(token)
        while not stop.is_set():
            for _ in range(3):
                plane.control.requests.submit(SYSTEM, prod, work(queue))
            poll = Poll(full_deployments=["prod"], queues=[queue], limit=2)
            for request in plane.control.requests.take(agent, poll):
                plane.control.requests.answer(agent, prod, request.id, "done")

    threads = [threading.Thread(target=go, args=(f"load-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("busy")
def test_three_values_are_those_of_the_database_under_load(plane: Plane) -> None:
    prod = plane.store.deployments.get("prod")
    agent = Actor.holding(plane.token(TokenKind.AGENT)[0])
    for _ in range(7):
        plane.control.requests.submit(SYSTEM, prod, work("still"))
    plane.clock.advance(100)
    for _ in range(5):
        plane.control.requests.submit(SYSTEM, prod, work("short", seconds=10))
    plane.control.requests.take(agent, Poll(full_deployments=["prod"], queues=["short"], limit=2))
    plane.clock.advance(20)
    plane.control.requests.expire_overdue(SYSTEM)

    before = _in_database(plane)
    for _ in range(5):
        before = _in_database(plane)
        found = now(plane)
        after = _in_database(plane)

        for queue in ("load-0", "load-1", "load-2", "short"):
            name = "dagstead_queue_dispatch_duration_seconds_count"
            dispatched = value(found, name, queue=queue)
            # A request counts when its agent gets it, a moment after its row says so.
            assert before[queue, "taken"] - 2 <= dispatched <= after[queue, "taken"]
        for queue in ("still", "short"):
            waiting = value(found, "dagstead_queue_requests", queue=queue, state="waiting")
            age = value(found, "dagstead_queue_oldest_request_age_seconds", queue=queue)
            expired = value(found, "dagstead_queue_requests_expired_total", queue=queue)
            oldest = before[queue, "oldest"]
            assert waiting == before[queue, "waiting"] == after[queue, "waiting"]
            assert age == (plane.clock() - oldest if oldest else 0)
            assert expired == before[queue, "expired"]
    assert before["still", "waiting"] == 7
    assert before["short", "expired"] == 5
    assert before["load-0", "taken"] > 0


def _in_database(plane: Plane) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    with plane.store.database.read() as connection:
        for queue in ("load-0", "load-1", "load-2", "still", "short"):
            of_queue = select(func.count()).where(requests.c.queue == queue)
            oldest = select(func.min(requests.c.created_at)).where(requests.c.queue == queue)
            waits = requests.c.state == "waiting"
            taken = of_queue.where(requests.c.deliveries > 0)
            found[queue, "taken"] = connection.scalar(taken) or 0
            found[queue, "waiting"] = connection.scalar(of_queue.where(waits)) or 0
            found[queue, "oldest"] = connection.scalar(oldest.where(waits)) or 0
            expired = of_queue.where(requests.c.state == "expired")
            found[queue, "expired"] = connection.scalar(expired) or 0
    return found


HOSTILE = [
    'a"} 1\ninjected_total{x="',
    "\\n\\",
    "{}",
    "é" * 200,
    "\u202eabc",
    "\ud800",
    "(default queue)",
    "(others)",
    "x" * 255,
    " ",
]


def test_names_of_others_stay_within_their_labels(plane: Plane) -> None:
    many = [*HOSTILE, *(f"queue-{number:04}" for number in range(3 * MOST_LABELS))]
    for queue in many:
        plane.store.tallies.tally.count(TallyKind.EXPIRED, queue)
        plane.store.tallies.tally.dispatched(queue, 0.2)
    for number in range(0, len(many), 40):
        found = [
            new_location(f"many-{number}-{at}", queue=queue)
            for at, queue in enumerate(many[number : number + 40])
            if queue.isprintable()
        ]
        deploy(plane.store, "prod", found)

    text, _ = Exposition(plane.control).text("")
    every = families(text.decode())

    assert "injected_total" not in {s.name for f in every.values() for s in f.samples}
    shown: dict[str, set[str]] = {}
    for family in every.values():
        seen: set[tuple[object, ...]] = set()
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in seen
            seen.add(key)
            if "queue" in sample.labels:
                shown.setdefault(family.name, set()).add(sample.labels["queue"])
    assert max(map(len, shown.values())) <= MOST_LABELS + 3
    assert OTHERS in shown["dagstead_queue_requests_expired"]
    assert OTHERS in shown["dagstead_queue_locations"]
    printable = [queue for queue in many if queue.isprintable()]
    located = every["dagstead_queue_locations"].samples
    assert sum(sample.value for sample in located if sample.labels["queue"] != DEFAULT_QUEUE) >= (
        len(printable)
    )
    expired = every["dagstead_queue_requests_expired"].samples
    assert sum(sample.value for sample in expired) >= len(many)


def test_branch_deployments_are_one(plane: Plane) -> None:
    for number in range(20):
        branch = Branch(repo_name="org/repo", branch_name=f"topic-{number}")
        name = plane.store.deployments.create_or_update_branch(branch, "prod").name
        plane.store.tallies.tally.count(TallyKind.LOAD_ERRORS, name)
    plane.store.tallies.tally.count(TallyKind.LOAD_ERRORS, "prod")

    found = now(plane)

    labels = {
        sample.labels["deployment"] for sample in found["dagstead_deployment_locations"].samples
    }
    assert labels == {"prod", "staging", BRANCHES}
    name = "dagstead_deployment_load_errors_total"
    assert value(found, name, deployment=BRANCHES) == 20
    assert value(found, name, deployment="prod") == 1


def test_requests_are_counted_by_surface(
    plane: Plane, client: httpx.Client, scraper: Labels
) -> None:
    name = "dagstead_http_requests_total"
    text = client.get("/metrics", headers=scraper).text
    before = value(families(text), name, surface="refused", status="401")
    client.get("/prod/")
    client.get("/prod/<script>", headers={"User-Agent": "x"})
    client.get("/health")
    client.get("/prod/graphql", headers=plane.headers(TokenKind.USER))

    found = families(client.get("/metrics", headers=scraper).text)

    assert value(found, name, surface="refused", status="401") == before + 2
    assert value(found, name, surface="health", status="200") >= 1
    duration = found["dagstead_http_request_duration_seconds"]
    surfaces = {sample.labels["surface"] for sample in duration.samples}
    assert surfaces <= {
        *("health", "metrics", "files", "sign-in", "refused", "agents", "graphql", "pages")
    }


def test_what_was_counted_outlives_a_database_that_takes_no_change(plane: Plane) -> None:
    name = "dagstead_queue_requests_redelivered_total"
    plane.store.tallies.tally.count(TallyKind.REDELIVERED, "kept", number=3)
    with plane.store.database.write():
        # SQLite has one writer at a time; nobody waits for it to count.
        assert value(now(plane), name, queue="kept") == 0
    assert value(now(plane), name, queue="kept") == 3
    plane.control.metrics.write_down(SYSTEM)
    assert value(now(plane), name, queue="kept") == 3
