from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest
from sklearn.dummy import DummyClassifier

from digits import assets
from digits.automation import library_changed, weekly_training
from digits.definitions import defs

MODELS = ["logistic_regression", "nearest_neighbours", "random_forest"]


def test_every_kind_of_model_learns_to_read_and_the_best_is_kept(
    instance: dg.DagsterInstance,
) -> None:
    accuracy = {}
    for kind in MODELS:
        result = defs.resolve_job_def("training_job").execute_in_process(
            partition_key=kind, instance=instance
        )
        accuracy[kind] = result.output_for_node("evaluation")
        assert [check.passed for check in result.get_asset_check_evaluations()] == [True]

    result = defs.resolve_job_def("choice_job").execute_in_process(instance=instance)

    assert min(accuracy.values()) > 0.93
    assert accuracy[result.output_for_node("best_model")] == max(accuracy.values())


def test_the_check_notices_a_model_that_guesses(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "CANDIDATES", {"random_forest": DummyClassifier})

    result = defs.resolve_job_def("training_job").execute_in_process(
        partition_key="random_forest", instance=instance
    )

    assert [check.passed for check in result.get_asset_check_evaluations()] == [False]


def test_the_schedule_trains_every_kind() -> None:
    monday = dt.datetime(2026, 1, 5, 4, tzinfo=dt.UTC)
    tick = weekly_training.evaluate_tick(
        dg.build_schedule_context(
            scheduled_execution_time=monday, repository_def=defs.get_repository_def()
        )
    )

    assert [request.partition_key for request in tick.run_requests or ()] == MODELS
    assert len({request.run_key for request in tick.run_requests or ()}) == len(MODELS)


def test_the_sensor_trains_once_a_version_of_the_library(instance: dg.DagsterInstance) -> None:
    repository = defs.get_repository_def()
    first = library_changed.evaluate_tick(
        dg.build_sensor_context(instance=instance, repository_def=repository)
    )
    again = library_changed.evaluate_tick(
        dg.build_sensor_context(instance=instance, repository_def=repository, cursor=first.cursor)
    )

    assert [request.partition_key for request in first.run_requests or ()] == MODELS
    assert not again.run_requests
    assert "still" in (again.skip_message or "")
