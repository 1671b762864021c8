"""Where a deployment's storage is, and what its settings become."""

from __future__ import annotations

from sqlalchemy.engine import make_url

from dagstead.engine.instances import instance_settings, postgres_schema_url


def test_a_postgres_address_keeps_its_own_parameters_and_gets_the_schema() -> None:
    url = make_url(
        postgres_schema_url("postgresql://me:p%40ss@db:5433/x?sslmode=require", "deployment_prod")
    )

    assert (url.password, url.port, url.database) == ("p@ss", 5433, "x")
    assert url.query["sslmode"] == "require"
    assert url.query["options"] == "-csearch_path=deployment_prod"


def test_without_settings_a_run_has_twenty_minutes_to_start() -> None:
    assert instance_settings({})["run_monitoring"]["start_timeout_seconds"] == 1200
    given = {"run_monitoring": {"start_timeout_seconds": 5}}
    assert instance_settings(given)["run_monitoring"]["start_timeout_seconds"] == 5
