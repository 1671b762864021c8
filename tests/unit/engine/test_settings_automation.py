"""Assets that are materialized by their conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AutoMaterializePolicy,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
    Definitions,
    asset,
)
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.remote_representation.external_data import JobDataSnap, RemoteJobSubsetResult
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._daemon.asset_daemon import (
    _PRE_SENSOR_AUTO_MATERIALIZE_ORIGIN_ID,
    _PRE_SENSOR_AUTO_MATERIALIZE_SELECTOR_ID,
    set_auto_materialize_paused,
)
from dagster._grpc.impl import get_external_execution_plan_snapshot
from dagster._grpc.types import ExecutionPlanSnapshotArgs, JobSubsetSnapshotArgs
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApiRequest
from dagster_shared.utils.warnings import disable_dagster_warnings

from tests.support.played_agent import BROKEN
from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import Stage

#: Dagster's own.
pytestmark = pytest.mark.filterwarnings("ignore:Function .AssetSelection.keys.:DeprecationWarning")

KIND = "ASSET"


@asset(automation_condition=AutomationCondition.missing())
def wanted() -> None:
    """It is missing, so that every evaluation wants it."""


@asset(automation_condition=AutomationCondition.any_deps_updated())
def quiet() -> None:
    """Nothing that it depends on ever changes."""


def without_sensors(stage: Stage, definitions: Definitions, **settings: Any) -> None:
    """Let conditions be evaluated for the whole deployment at once."""
    instance = stage.set({"auto_materialize": {"use_sensors": False, **settings}})
    set_auto_materialize_paused(instance, paused=False)
    stage.load(definitions)


def ticks(stage: Stage) -> list[InstigatorTick]:
    """The evaluations without sensors, the first one first."""
    found = stage.instance.get_ticks(
        _PRE_SENSOR_AUTO_MATERIALIZE_ORIGIN_ID, _PRE_SENSOR_AUTO_MATERIALIZE_SELECTOR_ID
    )
    return list(found)[::-1]


@sees("auto_materialize.use_sensors")
def test_conditions_have_sensors_or_none(stage: Stage) -> None:
    set_auto_materialize_paused(stage.instance, paused=False)
    stage.load(Definitions(assets=[quiet]))
    stage.set({})
    stage.rounds(KIND, 1)
    assert ticks(stage) == [], "its sensor is not switched on"
    stage.set({"auto_materialize": {"use_sensors": False}})
    stage.rounds(KIND, 1)
    assert len(ticks(stage)) == 1


@sees("auto_materialize.minimum_interval_seconds")
@pytest.mark.parametrize(("seconds", "evaluations"), [(0, 3), (3600, 1)])
def test_conditions_are_evaluated_as_often(stage: Stage, seconds: int, evaluations: int) -> None:
    without_sensors(stage, Definitions(assets=[quiet]), minimum_interval_seconds=seconds)

    stage.rounds(KIND, 3)
    assert len(ticks(stage)) == evaluations


@sees("auto_materialize.run_tags")
def test_runs_of_conditions_get_the_tags(stage: Stage) -> None:
    definitions = Definitions(assets=[wanted])
    without_sensors(stage, definitions, run_tags={"team": "a"})
    with stage.answering(code_server(definitions)):
        stage.rounds(KIND, 1)

    (run,) = stage.instance.get_runs()
    assert run.tags["team"] == "a"
    assert run.asset_selection == {AssetKey("wanted")}


@sees("auto_materialize.max_tick_retries")
@pytest.mark.parametrize(("retries", "evaluation"), [(0, 2), (1, 1)])
def test_an_evaluation_whose_runs_could_not_be_made_is_tried_again(
    stage: Stage, retries: int, evaluation: int
) -> None:
    definitions = Definitions(assets=[wanted])
    without_sensors(stage, definitions, max_tick_retries=retries, minimum_interval_seconds=0)
    with stage.answering(code_server(definitions)):
        stage.rounds(KIND, 1)
        (first,) = ticks(stage)
        failed = first.with_status(TickStatus.FAILURE, error=BROKEN, failure_count=1)
        stage.instance.update_tick(failed)
        stage.rounds(KIND, 1)

    assert first.automation_condition_evaluation_id == 1
    assert ticks(stage)[-1].automation_condition_evaluation_id == evaluation


@sees("auto_materialize.respect_materialization_data_versions")
@pytest.mark.parametrize("respects", [False, True])
def test_the_same_data_version_is_no_change(stage: Stage, *, respects: bool) -> None:
    with disable_dagster_warnings():
        eager = AutoMaterializePolicy.eager().to_automation_condition()

        @asset
        def parent() -> None:
            """It is materialized twice."""

        @asset(deps=[parent], automation_condition=eager)
        def child() -> None:
            """It is up to date if the same data version is no change."""

        definitions = Definitions(assets=[parent, child])
    without_sensors(
        stage,
        definitions,
        respect_materialization_data_versions=respects,
        minimum_interval_seconds=0,
    )
    with stage.answering(code_server(definitions)):
        materialize(stage, "parent")
        materialize(stage, "child")
        stage.rounds(KIND, 1)
        assert stage.instance.get_runs() == []
        materialize(stage, "parent")
        stage.rounds(KIND, 1)

    assert bool(stage.instance.get_runs()) is not respects


def materialize(stage: Stage, name: str) -> None:
    """Report an asset as made, with the same data version every time."""
    stage.instance.report_runless_asset_event(
        AssetMaterialization(name, tags={DATA_VERSION_TAG: "same"})
    )


def code_server(definitions: Definitions) -> Callable[[DagsterCloudApiRequest], str]:
    """Answers what the daemon asks before it makes runs."""
    repository = definitions.get_repository_def()

    def answer(request: DagsterCloudApiRequest) -> str:
        args = request.request_args
        if isinstance(args, JobSubsetSnapshotArgs):
            subset = repository.get_maybe_subset_job_def(
                args.job_origin.job_name, asset_selection=args.asset_selection
            )
            return serialize_value(
                RemoteJobSubsetResult(
                    success=True,
                    job_data_snap=JobDataSnap.from_job_def(
                        subset, include_parent_snapshot=args.include_parent_snapshot
                    ),
                )
            )
        assert isinstance(args, ExecutionPlanSnapshotArgs)
        name = args.job_origin.job_name
        return serialize_value(get_external_execution_plan_snapshot(repository, name, args))

    return answer


@sees("auto_materialize.use_threads", "auto_materialize.num_workers")
@pytest.mark.parametrize(
    ("settings", "threads"),
    [({}, 1), ({"use_threads": True, "num_workers": 2}, 2), ({"use_threads": True}, 3)],
)
def test_so_many_sensors_of_automation_are_evaluated_at_one_time(
    stage: Stage, settings: dict[str, Any], threads: int
) -> None:
    sensors = [
        AutomationConditionSensorDefinition(
            f"sensor_{number}",
            target=[each],
            default_status=DefaultSensorStatus.RUNNING,
        )
        for number, each in enumerate((wanted, also_wanted, wanted_too))
    ]
    stage.set({"auto_materialize": settings})
    stage.load(Definitions(assets=[wanted, also_wanted, wanted_too], sensors=sensors))
    # All of them ask for their runs' plans, and nobody answers.
    stage.see_at_once(KIND, threads)


@asset(automation_condition=AutomationCondition.missing())
def also_wanted() -> None:
    """Another one that is missing."""


@asset(automation_condition=AutomationCondition.missing())
def wanted_too() -> None:
    """The third that is missing."""
