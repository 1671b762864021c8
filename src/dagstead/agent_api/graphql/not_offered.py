"""Operations of Dagster+ that this server does not offer, refused in the form of their answers."""

from __future__ import annotations

from typing import Any

from dagstead.agent_api.graphql.executor import TYPENAME, Resolver, python_error
from dagstead.errors import NotOfferedError


def not_offered_roots() -> dict[str, Resolver]:
    """The root fields that answer with a refusal."""
    return {
        "anomalyDetectionInference": anomaly_detection_inference,
        "createOrUpdateMetrics": create_or_update_metrics,
        "submitCostInformationForMetrics": submit_cost_information_for_metrics,
    }


def anomaly_detection_inference(
    context: object, *, model_version: str, params: Any
) -> dict[str, Any]:
    """Refuse: the model is a service of Dagster+."""
    del context, model_version, params
    message = (
        "Anomaly detection is a service of Dagster+ and not of this server: "
        "use a freshness check with a fixed bound."
    )
    return {TYPENAME: "AnomalyDetectionFailure", "message": message}


def create_or_update_metrics(context: object, *, metrics: Any) -> dict[str, Any]:
    """Refuse: there are no Insights here."""
    del context, metrics
    return _metrics_failed()


def submit_cost_information_for_metrics(
    context: object, *, metric_name: str, cost_info: Any, start: float, end: float
) -> dict[str, Any]:
    """Refuse: there are no Insights here."""
    del context, metric_name, cost_info, start, end
    return _metrics_failed()


def _metrics_failed() -> dict[str, Any]:
    error = NotOfferedError("Insights are a service of Dagster+ and not of this server.")
    return {**python_error(error), TYPENAME: "CreateOrUpdateMetricsFailed"}
