"""Settings: kept as they are, and refused with sentences."""

from __future__ import annotations

from typing import Any

import pytest
from dagster_cloud_cli import gql

from dagstead.control.settings.form import deployment_settings_errors
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.operator_api.surface import Operator

DOCUMENTED: dict[str, Any] = {
    "concurrency": {
        "pools": {"granularity": "run", "default_limit": 1},
        "runs": {
            "max_concurrent_runs": 10,
            "tag_concurrency_limits": [
                {"key": "database", "value": "redshift", "limit": 5},
                {"key": "user", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
            ],
        },
    },
    "run_monitoring": {"start_timeout_seconds": 1200, "max_runtime_seconds": 7200},
    "run_retries": {"max_retries": 0, "retry_on_asset_or_op_failure": False},
    "non_isolated_runs": {"enabled": True, "max_concurrent_non_isolated_runs": 1},
}


def test_settings_come_back_as_set(operator: Operator) -> None:
    assert operator.run(gql.DEPLOYMENT_SETTINGS_QUERY) == {"deploymentSettings": {"settings": {}}}
    answer = operator.run(
        gql.SET_DEPLOYMENT_SETTINGS_MUTATION, deploymentSettings={"settings": DOCUMENTED}
    )
    assert answer["setDeploymentSettings"]["__typename"] == "DeploymentSettings"
    assert operator.run(gql.DEPLOYMENT_SETTINGS_QUERY)["deploymentSettings"] == {
        "settings": DOCUMENTED
    }


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"run_queu": {}}, "Unknown setting 'run_queu'. Did you mean 'run_queue'?"),
        (
            {"run_monitoring": {"start_timeout": 1}},
            "Unknown setting 'run_monitoring.start_timeout'. Did you mean 'start_timeout_seconds'?",
        ),
        ({"run_queue": {"max_concurrent_runs": -1}}, "run_queue.max_concurrent_runs is -1: "),
        ({"run_retries": "many"}, "run_retries is 'many': "),
        (
            {"run_monitoring": {"max_runtime_seconds": 0.5}},
            "run_monitoring.max_runtime_seconds is 0.5: ",
        ),
        (
            {"run_monitoring": {"poll_interval_seconds": 10}},
            "run_monitoring.poll_interval_seconds changes nothing here: every run is looked at",
        ),
        (
            {"run_monitoring": {"max_resume_run_attempts": 3}},
            "run_monitoring.max_resume_run_attempts changes nothing here: agents have no call by",
        ),
        (
            {"sso_default_role": "EDITOR"},
            "sso_default_role changes nothing here: there is no sign-in that it could be for.",
        ),
        (
            {"storage": {"postgres": {"postgres_url": "x"}}},
            "storage changes nothing here: every deployment has a schema or a folder",
        ),
        (
            {"retention": {"sensor": {"purge_after_days": {"skipped": -2}}}},
            "retention.sensor.purge_after_days.skipped is -2: ",
        ),
        (
            {"concurrency": {"runs": {"tag_concurrency_limits": [{"key": "a"}]}}},
            "concurrency.runs.tag_concurrency_limits.0.limit is {'key': 'a'}: Field required.",
        ),
        (
            {
                "run_queue": {"max_concurrent_runs": 1},
                "concurrency": {"runs": {"max_concurrent_runs": 2}},
            },
            "run_queue and concurrency.runs are the same setting.",
        ),
    ],
)
def test_mistakes_are_sentences(settings: dict[str, Any], sentence: str) -> None:
    (error,) = deployment_settings_errors(settings)
    assert error.startswith(sentence)


@pytest.mark.parametrize("settings", [{"run_queu": {}}, ["x"], "x"])
def test_wrong_settings_change_nothing(operator: Operator, settings: object) -> None:
    answer = operator.run(
        gql.SET_DEPLOYMENT_SETTINGS_MUTATION, deploymentSettings={"settings": settings}
    )["setDeploymentSettings"]
    assert answer["__typename"] == "PythonError"
    assert operator.context.store.deployments.get("prod").settings == {}


def test_organization_settings_need_an_unlimited_token(operator: Operator) -> None:
    token = operator.context.store.tokens.create(
        "ci", TokenKind.USER, "other", Grant(deployments=["prod"])
    )
    settings = {"settings": {"max_concurrent_branch_deployment_runs": 7}}
    refused = operator.by(token).run(
        gql.SET_ORGANIZATION_SETTINGS_MUTATION, organizationSettings=settings
    )["setOrganizationSettings"]
    assert refused["__typename"] == "UnauthorizedError"
    assert "'ci' is limited to: prod" in refused["message"]
    operator.run(gql.SET_ORGANIZATION_SETTINGS_MUTATION, organizationSettings=settings)
    assert operator.run(gql.ORGANIZATION_SETTINGS_QUERY) == {"organizationSettings": settings}
    # The CLI asks for them to see whether its token is good.
    assert operator.by(token).run(gql.ORGANIZATION_SETTINGS_QUERY) == {
        "organizationSettings": {"settings": {}}
    }
