"""What Dagster loads: ``module_name: weather.definitions``."""

import dagster as dg

from weather import automation, cities, climate

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([climate, cities]),
    jobs=[automation.climate_job, automation.records_job, automation.cities_job],
    schedules=[automation.a_year_a_day],
    sensors=[automation.after_each_year],
)
