"""What a server says at its start of the secrets that it hands out."""

from __future__ import annotations

import logging

import pytest

from dagstead.agent_api.secrets import secrets_from_environment
from dagstead.plane.deployments import Deployment, DeploymentKind
from dagstead.server.secrets_report import log_secrets

DEPLOYMENTS = [
    Deployment(id=number, name=name, kind=DeploymentKind.FULL, created_at=0.0)
    for number, name in enumerate(("prod", "eu-west", "a-b_c", "a_b-c"))
]


def said(caplog: pytest.LogCaptureFixture, *names: str, level: int) -> list[str]:
    """Of secrets by these variables."""
    secrets = {f"DAGSTEAD_SECRET_{name}": "hunter2" for name in names}
    with caplog.at_level(logging.INFO):
        log_secrets(secrets_from_environment(secrets), DEPLOYMENTS)
    assert "hunter2" not in caplog.text
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def test_one_line_for_each_place(caplog: pytest.LogCaptureFixture) -> None:
    names = ("A", "B", "C__prod", "D__eu_west", "E__prod__etl")
    assert said(caplog, *names, level=logging.INFO) == [
        "Secrets for the full deployments (branch deployments do not get them): A, B",
        "Secrets for deployment 'prod': C",
        "Secrets for deployment 'eu-west': D",
        "Secrets for location 'etl' of deployment 'prod': E",
    ]
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SNOWFLAKE__PASSWORD", "there is no deployment 'PASSWORD'. Full deployments: prod, eu-"),
        ("S__Prod__etl", "there is no deployment 'Prod'"),
        ("S__a_b_c", "'a_b_c' fits the deployments 'a-b_c' and 'a_b-c'"),
        ("S__", "a part of its name is empty"),
        ("S__prod__", "a part of its name is empty"),
        ("S____etl", "a part of its name is empty"),
        ("", "a part of its name is empty"),
    ],
)
def test_a_secret_that_nobody_gets_is_named(
    caplog: pytest.LogCaptureFixture, name: str, reason: str
) -> None:
    [warning] = said(caplog, name, level=logging.WARNING)
    assert warning.startswith(f"Nobody gets DAGSTEAD_SECRET_{name}: ")
    assert reason in warning
    assert said(caplog, name, level=logging.INFO) == []


def test_a_server_without_secrets_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    said(caplog, level=logging.INFO)
    assert caplog.records == []
