"""What the official agents of every supported minor load and run in the compat tests."""

# ruff: noqa: T201 - what a run prints is shown in the UI
# Dagster looks at the annotations of what it decorates: they cannot be texts here.

import os
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

LETTERS = dg.StaticPartitionsDefinition(["a", "b"])
COLOURS = dg.DynamicPartitionsDefinition(name="colours")


@dg.asset(group_name="plain", pool="narrow")
def source(context: dg.AssetExecutionContext) -> int:
    print("said on stdout")
    print("said on stderr", file=sys.stderr)
    context.log.info("said to the event log")
    return 1


@dg.asset
def derived(source: int) -> int:
    return source + 1


@dg.asset_check(asset=source)
def is_fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"looked_at": 1})


@dg.asset(partitions_def=LETTERS)
def lettered(context: dg.AssetExecutionContext) -> str:
    return str(context.partition_key)


@dg.asset(partitions_def=COLOURS)
def coloured(context: dg.AssetExecutionContext) -> str:
    return str(context.partition_key)


class Greeting(dg.Config):
    """What a run is told."""

    name: str
    variable: str = "GREETING"


@dg.op
def greet(config: Greeting) -> None:
    print(f"{os.environ.get(config.variable, 'no greeting')}, {config.name}")


@dg.job
def greeting() -> None:
    greet()


@dg.op
def break_down() -> None:
    message = "broken on purpose"
    raise ValueError(message)


# The one with an executor of several processes, which is Dagster's default.
@dg.job(executor_def=dg.multiprocess_executor)
def failing() -> None:
    break_down()


@dg.op
def never_end() -> None:
    print("begun", flush=True)
    # A run can be interrupted between two waits.
    for _ in range(600):
        time.sleep(0.5)  # noqa: TID251 - stands for work


@dg.job
def endless() -> None:
    never_end()


@dg.op
def count(context: dg.OpExecutionContext) -> None:
    for number in range(100):
        context.log.info("line %d of 100", number)
        time.sleep(0.15)  # noqa: TID251 - stands for work


@dg.job
def counting() -> None:
    count()


@dg.op
def fail_at_first(context: dg.OpExecutionContext) -> None:
    if context.run.parent_run_id is None:
        message = "only the first try fails"
        raise RuntimeError(message)


@dg.job(tags={"dagster/max_retries": "1"})
def retried() -> None:
    fail_at_first()


@dg.op
def use_the_instance(context: dg.OpExecutionContext) -> None:
    """What the storage of a run worker does is answered by the control plane."""
    instance = context.instance
    instance.add_dynamic_partitions("colours", ["red", "blue"])
    print("partitions:", ",".join(sorted(instance.get_dynamic_partitions("colours"))))
    run = instance.get_run_by_id(context.run_id)
    assert run is not None
    print("own status:", run.status.value)
    made = instance.get_latest_materialization_event(dg.AssetKey("source"))
    print("source is made:", made is not None)
    instance.add_run_tags(context.run_id, {"from": "user code"})
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.write_text("state of a component", encoding="utf-8")
        storage = instance.defs_state_storage
        assert storage is not None
        storage.upload_state_from_path("component", "version-1", state)
        storage.set_latest_version("component", "version-1")
        print("state version:", storage.get_latest_version("component"))
        back = Path(folder) / "back"
        storage.download_state_to_path("component", "version-1", back)
        print("state:", back.read_text(encoding="utf-8"))


@dg.job
def reflecting() -> None:
    use_the_instance()


plain_assets = dg.define_asset_job("plain_assets", selection=["source", "derived"])
letters = dg.define_asset_job("letters", selection=["lettered"])


@dg.schedule(job=greeting, cron_schedule="* * * * *")
def every_minute(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=context.scheduled_execution_time.isoformat(),
        run_config={"ops": {"greet": {"config": {"name": "schedule"}}}},
    )


@dg.sensor(job=greeting, minimum_interval_seconds=1)
def once(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    if context.cursor:
        return dg.SkipReason("it has asked already")
    context.update_cursor("asked")
    return dg.RunRequest(
        run_key="once", run_config={"ops": {"greet": {"config": {"name": "sensor"}}}}
    )


@dg.sensor(job=greeting)
def broken_sensor() -> dg.SkipReason:
    message = "the sensor is broken on purpose"
    raise RuntimeError(message)


defs = dg.Definitions(
    assets=[source, derived, lettered, coloured],
    asset_checks=[is_fine],
    jobs=[
        *(plain_assets, letters, greeting, failing),
        *(endless, counting, retried, reflecting),
    ],
    schedules=[every_minute],
    sensors=[once, broken_sensor],
    # A process less for each run: most tests are not about executors.
    executor=dg.in_process_executor,
)
