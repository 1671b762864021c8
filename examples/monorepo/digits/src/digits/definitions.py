"""What Dagster loads: ``module_name: digits.definitions``."""

import dagster as dg

from digits import assets, automation

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([assets]),
    jobs=[automation.training_job, automation.choice_job],
    schedules=[automation.weekly_training],
    sensors=[automation.library_changed],
)
