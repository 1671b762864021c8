"""What the server refuses on purpose, each with a part of the sentence that the client gets."""

from __future__ import annotations

from collections.abc import Mapping

REFUSED: Mapping[str, str] = {
    "anomalyDetectionInference": "Anomaly detection is a service of Dagster+",
    "createOrUpdateMetrics": "Insights are a service of Dagster+",
    "eventLogs.Wipe": "An agent may not wipe a deployment's event log",
    "eventLogs.WipeAssetPartitions": "Open-source storage cannot wipe single partitions",
    "submitCostInformationForMetrics": "Insights are a service of Dagster+",
}
