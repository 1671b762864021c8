"""The official storage classes over this server give what open-source storage gives directly."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.schedules.base import ScheduleStorage
from dagster_cloud.storage.event_logs.storage import GraphQLEventLogStorage
from dagster_cloud.storage.runs.storage import GraphQLRunStorage
from dagster_cloud.storage.schedules.storage import GraphQLScheduleStorage
from hypothesis import HealthCheck, Phase, given, settings

from tests.contract.drivers import (
    BY_CLIENT,
    CLIENT_REFUSES,
    Change,
    Driver,
    Outcome,
    Read,
    outcome,
)
from tests.contract.event_log_drivers import EVENT_LOG_DRIVERS
from tests.contract.run_drivers import RUN_DRIVERS
from tests.contract.schedule_drivers import SCHEDULE_DRIVERS
from tests.contract.surface import Client, Surface
from tests.contract.twins import copied
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract

_SETTINGS = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    # Without the phase that explains a failure: it takes minutes.
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Pair:
    """An official class, and the open-source base class whose methods it has."""

    base: type
    official: type
    #: The attribute of an instance that holds the storage.
    attribute: str
    drivers: Mapping[str, Driver]

    def over(self, client: Client | CountingClient, instance: DagsterInstance) -> Any:
        """The official class with the server behind it."""
        storage = self.official(override_graphql_client=client)
        storage.register_instance(instance)
        return storage

    def of(self, instance: DagsterInstance) -> Any:
        """Open-source storage itself."""
        return getattr(instance, self.attribute)

    def methods(self) -> set[str]:
        """The public methods and properties that Dagster calls on any such storage."""
        return {
            name
            for each in self.base.__mro__
            if each.__module__.startswith("dagster")
            for name in vars(each)
            if not name.startswith("_")
        }


PAIRS = (
    Pair(RunStorage, GraphQLRunStorage, "run_storage", RUN_DRIVERS),
    Pair(EventLogStorage, GraphQLEventLogStorage, "event_log_storage", EVENT_LOG_DRIVERS),
    Pair(ScheduleStorage, GraphQLScheduleStorage, "schedule_storage", SCHEDULE_DRIVERS),
)


def _driven(kind: type) -> list[Any]:
    return [
        pytest.param(pair, name, id=f"{pair.base.__name__}.{name}")
        for pair in PAIRS
        for name, driver in sorted(pair.drivers.items())
        if isinstance(driver, kind)
    ]


@dataclass
class CountingClient:
    """Counts what is sent."""

    client: Client
    sent: list[str] = field(default_factory=list)

    def execute(self, query: str, *rest: Any, **more: Any) -> dict[str, Any]:
        self.sent.append(query)
        return self.client.execute(query, *rest, **more)


@dataclass(frozen=True)
class Twins:
    """Two deployments that start with the same contents."""

    world: World
    served: DagsterInstance
    direct: DagsterInstance


@pytest.fixture(scope="module")
def twins(world: World, surface: Surface) -> Twins:
    return Twins(world, copied(world, surface, "served"), copied(world, surface, "direct"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.base.__name__)
def test_every_method_is_driven_or_excluded(pair: Pair) -> None:
    """A new release of Dagster cannot bring a method that nobody looked at."""
    assert pair.methods() == set(pair.drivers)


@pytest.mark.parametrize(("pair", "name"), _driven(Read))
def test_reads_agree(world: World, surface: Surface, pair: Pair, name: str) -> None:
    """What an agent reads through the server is what the deployment's storage holds."""
    driver = pair.drivers[name]
    assert isinstance(driver, Read)
    official = pair.over(surface.client(DEPLOYMENT), world.instance)
    direct = pair.of(world.instance)
    seen: list[Outcome] = []

    @_SETTINGS
    @given(asked=driver.arguments(world))
    def compare(asked: dict[str, Any]) -> None:
        expected = outcome(lambda: _call(direct, name, driver, asked), driver.normal)
        if driver.expected is not None and expected.error is None:
            expected = Outcome(value=driver.expected(world, asked, expected.value))
        got = outcome(lambda: _call(official, name, driver, asked), driver.normal)
        assert expected.agrees_with(got), (asked, expected, got)
        seen.append(got)

    compare()
    assert any(each.error is None for each in seen)


@pytest.mark.parametrize(("pair", "name"), _driven(Change))
def test_changes_agree(twins: Twins, surface: Surface, pair: Pair, name: str) -> None:
    """What an agent changes through the server is changed as by open-source storage itself."""
    driver = pair.drivers[name]
    assert isinstance(driver, Change)
    official = pair.over(surface.client("served"), twins.served)
    seen: list[Outcome] = []

    def change_directly(asked: Mapping[str, Any]) -> Any:
        if driver.directly is not None:
            return driver.directly(twins.direct, asked)
        return _call(pair.of(twins.direct), name, driver, asked)

    @_SETTINGS
    @given(asked=driver.arguments(twins.world))
    def compare(asked: dict[str, Any]) -> None:
        expected = outcome(lambda: change_directly(asked), driver.normal)
        got = outcome(lambda: _call(official, name, driver, asked), driver.normal)
        assert expected.agrees_with(got), (asked, expected, got)
        assert driver.view(twins.direct, asked) == driver.view(twins.served, asked), asked
        seen.append(got)

    compare()
    assert any(each.error is None for each in seen)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.base.__name__)
def test_what_the_client_keeps_to_itself_is_not_sent(
    world: World, surface: Surface, pair: Pair
) -> None:
    """Nothing is excluded from the comparison that reaches the server after all."""
    client = CountingClient(surface.client(DEPLOYMENT))
    official = pair.over(client, world.instance)
    for name, driver in pair.drivers.items():
        if driver not in (CLIENT_REFUSES, BY_CLIENT) or name == "register_instance":
            continue
        got = outcome(partial(_call_with_nothing, official, name))
        assert not client.sent, name
        if driver is CLIENT_REFUSES:
            # The two classes that the official client itself raises for what it does not offer.
            refusal = got.error or type(got.value).__name__
            assert refusal in {"Exception", "NotImplementedError"}, name


def _call(storage: Any, name: str, driver: Read | Change, asked: Mapping[str, Any]) -> Any:
    member = getattr(storage, name)
    if not callable(member):
        return member
    return member(*asked.values()) if driver.positional else member(**asked)


def _call_with_nothing(storage: Any, name: str) -> Any:
    """Call with None for each argument: a method that refuses does not look at them."""
    member = getattr(storage, name)
    if not callable(member):
        return member
    required = [
        parameter
        for parameter in inspect.signature(member).parameters.values()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    return member(*(None for _ in required))
