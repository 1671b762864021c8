"""Code whose runs leave at least one row of every kind in a deployment's storage."""

# Dagster looks at the annotations of what it decorates: they cannot be texts here.

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetObservation,
    DataVersion,
    Definitions,
    DynamicPartitionsDefinition,
    ExpectationResult,
    MultiPartitionsDefinition,
    OpExecutionContext,
    Output,
    RetryRequested,
    RunRequest,
    ScheduleDefinition,
    SensorEvaluationContext,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    define_asset_job,
    job,
    op,
    sensor,
)

LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])
COLOURS = DynamicPartitionsDefinition(name="colours")
GRID = MultiPartitionsDefinition(
    {"letter": StaticPartitionsDefinition(["a", "b"]), "number": StaticPartitionsDefinition(["1"])}
)

#: Making this partition fails, so that it was planned and never made.
BROKEN = "b"


@asset(partitions_def=LETTERS)
def lettered(context: AssetExecutionContext) -> Output[int]:
    if context.partition_key == BROKEN:
        message = "this partition cannot be made"
        raise RuntimeError(message)
    return Output(1, data_version=DataVersion(f"of {context.partition_key}"), metadata={"n": 1})


@asset(partitions_def=COLOURS)
def coloured() -> int:
    return 1


@asset(partitions_def=GRID)
def gridded() -> int:
    return 1


@asset(key=["deep", "plain"], code_version="1")
def plain(context: AssetExecutionContext) -> int:
    context.log_event(AssetObservation(asset_key=["deep", "plain"], metadata={"rows": 4}))
    context.log.info("a line of the user's")
    return 1


@asset
def doomed() -> int:
    message = "this asset cannot be made"
    raise RuntimeError(message)


@asset
def wiped() -> int:
    return 1


@asset_check(asset=["deep", "plain"])
def good() -> AssetCheckResult:
    return AssetCheckResult(passed=True, metadata={"looked_at": 4})


@asset_check(asset=["deep", "plain"])
def bad() -> AssetCheckResult:
    return AssetCheckResult(passed=False)


@op(pool="narrow")
def patient(context: OpExecutionContext) -> int:
    if context.retry_number == 0:
        raise RetryRequested(max_retries=1, seconds_to_wait=0)
    context.log_event(ExpectationResult(success=True, label="patience"))
    return 1


@op
def rash(given: int) -> None:
    message = f"{given} is too much"
    raise ValueError(message)


@job(tags={"team": "blue"})
def succeeding() -> None:
    patient()


@job(tags={"team": "red"})
def failing() -> None:
    rash(patient())


letters_job = define_asset_job("letters_job", selection=["lettered"])

nightly = ScheduleDefinition(name="nightly", job=succeeding, cron_schedule="0 3 * * *")


@sensor(job=succeeding)
def watchful(_context: SensorEvaluationContext) -> RunRequest:
    return RunRequest()


ASSETS = [lettered, coloured, gridded, plain, doomed, wiped]
CHECKS = [good, bad]

defs = Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[succeeding, failing, letters_job],
    schedules=[nightly],
    sensors=[watchful],
)
