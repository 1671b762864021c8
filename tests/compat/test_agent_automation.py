"""Schedules and sensors are evaluated by official agents, and launch runs on them."""

from __future__ import annotations

import pytest

from tests.support.fleet import (
    DEFAULT_LOCATION,
    NAMED_AGENT,
    NAMED_LOCATION,
    Fleet,
    of_the_newest_minor_every_day,
)

pytestmark = [pytest.mark.compat, of_the_newest_minor_every_day]


def test_a_sensor_launches_a_run_on_its_own_queue(fleet: Fleet) -> None:
    fleet.deployment.start_sensor(NAMED_LOCATION, "once")

    tick = fleet.deployment.wait_for_tick(NAMED_LOCATION, "once", "SUCCESS")
    run = fleet.deployment.succeed(tick["runIds"][0])

    assert run["tags"]["dagster/sensor_name"] == "once"
    assert run["tags"]["dagster/agent_label"] == NAMED_AGENT
    # The cursor was kept: it asks for no second run.
    fleet.deployment.wait_for_tick(NAMED_LOCATION, "once", "SKIPPED")


def test_an_error_in_a_sensor_is_shown_with_its_stack(fleet: Fleet) -> None:
    fleet.deployment.start_sensor(DEFAULT_LOCATION, "broken_sensor")

    tick = fleet.deployment.wait_for_tick(DEFAULT_LOCATION, "broken_sensor", "FAILURE")

    assert "the sensor is broken on purpose" in str(tick["error"])
    assert "in broken_sensor" in str(tick["error"])


def test_a_schedule_launches_a_run_every_minute(fleet: Fleet) -> None:
    tick = fleet.deployment.wait_for_tick(DEFAULT_LOCATION, "every_minute", "SUCCESS")

    run = fleet.deployment.succeed(tick["runIds"][0])

    assert run["tags"]["dagster/schedule_name"] == "every_minute"
    assert fleet.deployment.captured(tick["runIds"][0])["stdout"] == "hello, schedule\n"
    fleet.deployment.stop_schedule(fleet.schedule)
