"""Agents, as the CLI shows them."""

from __future__ import annotations

from dagster_cloud.api.dagster_cloud_api import TimestampedError
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import serialize_value

from dagstead.plane.agents import ALIVE_SECONDS
from tests.support.heartbeats import heartbeat_of
from tests.unit.operator_api.surface import Clock, Operator

DOCUMENT = """
{
  agents {
    id agentLabel status lastHeartbeatTime
    metadata { key value }
    errors { timestamp error { message stack } }
  }
}
"""


def test_everything_of_a_heartbeat(operator: Operator, clock: Clock) -> None:
    error = TimestampedError(
        timestamp=5.0, error=SerializableErrorInfo("it broke", ["line 1"], "ValueError")
    )
    operator.context.store.agents.record(
        [
            heartbeat_of(
                *("hybrid-queue", None),
                now=clock(),
                label="mine",
                type="K8sUserCodeLauncher",
                branch_deployments=True,
                metadata={"utilization_metrics": {"cpu": 1}, "image_tag": None},
                errors=(serialize_value(error), "not a value"),
            )
        ]
    )
    assert operator.run(DOCUMENT) == {
        "agents": [
            {
                "id": "a-1",
                "agentLabel": "mine",
                "status": "RUNNING",
                "lastHeartbeatTime": clock(),
                "metadata": [
                    {"key": "utilization_metrics", "value": '{"cpu": 1}'},
                    {"key": "type", "value": "K8sUserCodeLauncher"},
                    {"key": "version", "value": "1.13.27"},
                    {"key": "queues", "value": "hybrid-queue, (default queue)"},
                ],
                "errors": [
                    {"timestamp": 5.0, "error": {"message": "it broke", "stack": ["line 1"]}},
                    {"timestamp": None, "error": {"message": "not a value", "stack": []}},
                ],
            }
        ]
    }
    clock.now += ALIVE_SECONDS
    (agent,) = operator.run(DOCUMENT)["agents"]
    assert agent["status"] == "NOT_RUNNING"
