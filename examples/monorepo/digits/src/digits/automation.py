"""What runs by itself: training once a week, and whenever the library has changed."""

import dagster as dg
import sklearn

from digits.assets import best_model, evaluation, images, trained_model
from digits.models import kinds_of_model

training_job = dg.define_asset_job(
    "training_job",
    selection=dg.AssetSelection.assets(images, trained_model, evaluation),
    description="Train and evaluate one kind of model.",
)

choice_job = dg.define_asset_job(
    "choice_job",
    selection=dg.AssetSelection.assets(best_model),
    description="Keep the best of the models that were evaluated.",
)


@dg.schedule(job=training_job, cron_schedule="0 4 * * 1")
def weekly_training(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Train every kind of model on Monday morning."""
    monday = context.scheduled_execution_time.date().isoformat()
    return [
        dg.RunRequest(run_key=f"{monday}-{kind}", partition_key=kind)
        for kind in kinds_of_model.get_partition_keys()
    ]


@dg.sensor(job=training_job, minimum_interval_seconds=60)
def library_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Train all models again when scikit-learn is another version than at the last look."""
    version = sklearn.__version__
    if context.cursor == version:
        return dg.SkipReason(f"scikit-learn is still {version}.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{version}-{kind}", partition_key=kind)
            for kind in kinds_of_model.get_partition_keys()
        ],
        cursor=version,
    )
