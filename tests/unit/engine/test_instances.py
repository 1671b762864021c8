"""Where a deployment's storage is, and what its settings become."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import make_url

from dagstead.control.settings.form import deployment_settings_errors
from dagstead.engine.instance_settings import instance_settings
from dagstead.engine.instances import postgres_schema_url
from dagstead.plane.launch_watch import Limits


def test_a_postgres_address_keeps_its_own_parameters_and_gets_the_schema() -> None:
    url = make_url(
        postgres_schema_url("postgresql://me:p%40ss@db:5433/x?sslmode=require", "deployment_prod")
    )

    assert (url.password, url.port, url.database) == ("p@ss", 5433, "x")
    assert url.query["sslmode"] == "require"
    assert url.query["options"] == "-csearch_path=deployment_prod"


@pytest.mark.parametrize(
    "settings",
    [
        {"run_monitoring": None, "concurrency": None, "run_queue": None, "run_retries": None},
        {
            "run_monitoring": {"start_timeout_seconds": None, "max_runtime_seconds": None},
            "run_queue": {"max_concurrent_runs": None, "tag_concurrency_limits": None},
            "run_retries": {"max_retries": None},
        },
    ],
)
def test_what_is_left_empty_in_yaml_is_not_set(settings: dict[str, Any]) -> None:
    assert deployment_settings_errors(settings) == []
    assert instance_settings(settings) == instance_settings({})
    assert Limits.of(settings) == Limits()


def test_pools_may_be_left_empty_beside_runs() -> None:
    settings = {"concurrency": {"pools": None, "runs": {"max_concurrent_runs": 3}}}

    given = instance_settings(settings)["concurrency"]

    assert given == {"runs": {"max_concurrent_runs": 3, "tag_concurrency_limits": []}}


def test_slots_of_runs_that_ended_are_freed_after_the_time_that_people_set() -> None:
    given = {"run_monitoring": {"free_slots_after_run_end_seconds": 5}}
    assert instance_settings(given)["run_monitoring"]["free_slots_after_run_end_seconds"] == 5
