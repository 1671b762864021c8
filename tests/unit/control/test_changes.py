"""An act publishes once what it has changed, and only after its commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dagstead.control import bell
from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.control.all import control_over
from dagstead.control.bell import Listener
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES
from dagstead.store.all import Store
from tests.support.orchestration import NoDagster
from tests.unit.control.acts import World, world

#: What each act rings for, of the location weather of prod on the default queue.
TOPICS = {
    "releases.begin": {"queue", "releases", "locations"},
    "releases.end": {"queue", "releases", "locations"},
    "releases.roll_back": {"queue", "releases", "locations"},
    "load_reports.loaded": {"releases", "locations"},
    "load_reports.failed": {"queue", "releases", "locations"},
    "locations.remove": {"queue", "releases", "locations"},
    "locations.reload": {"queue", "locations"},
    "locations.remind": {"queue"},
    "deployments.delete": {"releases", "locations"},
    "requests.submit": {"queue"},
    "requests.answer": {"answered"},
}


@dataclass
class LookingBell:
    """At each ring, it looks at what another connection sees."""

    store: Store
    rung: list[tuple[str, ...]] = field(default_factory=list)
    seen: list[dict[str, int]] = field(default_factory=list)

    def ring(self, *topics: str) -> None:
        self.rung.append(topics)
        self.seen.append(counted(self.store))

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Listener]:
        with self.store.bell.listen(*topics) as listener:
            yield listener


def counted(store: Store) -> dict[str, int]:
    checks = [
        each
        for each in store.requests.open(ORGANIZATION)
        if each.api == CHECK_FOR_WORKSPACE_UPDATES
    ]
    versions = [store.locations.version(each.name) for each in store.deployments.all()]
    return {"checks": len(checks), "versions": sum(versions), "deployments": len(versions)}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[World, LookingBell]]:
    first = world(tmp_path)
    looking = LookingBell(first.store)
    control = control_over(first.store, looking, NoDagster)
    yield World(store=first.store, control=control), looking
    first.store.close()


@pytest.mark.parametrize("act", TOPICS)
def test_an_act_rings_once_when_all_is_committed(act: str, made: tuple[World, LookingBell]) -> None:
    here, looking = made
    before = counted(here.store)
    here.attempt(act)(SYSTEM)

    [topics] = looking.rung
    assert {each.split(":")[0] for each in topics} == TOPICS[act]
    assert looking.seen == [counted(here.store)]
    if act not in {"locations.remind", "requests.submit", "requests.answer"}:
        assert counted(here.store)["versions"] != before["versions"]


def test_the_agents_of_the_queues_that_changed_are_asked_to_look(
    made: tuple[World, LookingBell],
) -> None:
    here, looking = made
    before = counted(here.store)
    prod = here.store.deployments.get("prod")
    here.control.locations.remove(COMMAND_LINE, prod, "weather")
    assert counted(here.store)["checks"] == before["checks"] + 1
    assert bell.queue(None) in looking.rung[0]


@pytest.mark.parametrize("queue", [None, "gpu"])
def test_a_request_that_is_given_back_rings_its_queue_once(
    made: tuple[World, LookingBell], queue: str | None
) -> None:
    here, looking = made
    requests, prod = here.control.requests, here.store.deployments.get("prod")
    request_id = requests.submit(SYSTEM, prod, Work(api="X", queue=queue, lifetime_seconds=60.0))
    requests.take(SYSTEM, Poll(full_deployments=["prod"], queues=[queue]))
    [held] = [each for each in requests.open(SYSTEM) if each.id == request_id]
    looking.rung.clear()

    assert requests.redeliver(SYSTEM, held)
    assert looking.rung == [(bell.queue(queue),)]

    assert not requests.redeliver(SYSTEM, held), "it waits already"
    assert len(looking.rung) == 1
