from __future__ import annotations

import pytest

from dagstead.serverless.environ import TOKEN_VARIABLE, user_code_environment

MACHINE = {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "https_proxy": "http://proxy",
    "DAGSTEAD_DATABASE": "postgresql://user:secret@host/db",
    "DAGSTEAD_SECRET_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "PYTHONPATH": "/somewhere",
    "VIRTUAL_ENV": "/the/pool",
    TOKEN_VARIABLE: "pool:org:token",
    "DAGSTEAD_POOL_TOKEN": "pool:org:token",
    "WAREHOUSE_HOST": "db",
    "WAREHOUSE_PASSWORD": "secret",
}


def test_user_code_sees_the_machine_and_nothing_of_the_server() -> None:
    assert user_code_environment(MACHINE, ()) == {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy",
        "DAGSTER_EVENT_BATCH_SIZE": "100",
    }


def test_an_operator_chooses_how_many_events_are_sent_at_once() -> None:
    machine = {**MACHINE, "DAGSTER_EVENT_BATCH_SIZE": "0"}
    seen = user_code_environment(machine, ("DAGSTER_EVENT_BATCH_SIZE",))
    assert seen["DAGSTER_EVENT_BATCH_SIZE"] == "0"


def test_the_operator_may_hand_on_more_by_name_or_pattern() -> None:
    seen = user_code_environment(MACHINE, ("WAREHOUSE_*",))
    assert seen["WAREHOUSE_HOST"] == "db"
    assert "DAGSTEAD_DATABASE" not in seen


@pytest.mark.parametrize("passed", ["*", "D*", TOKEN_VARIABLE, "DAGSTEAD_POOL_TOKEN"])
def test_no_setting_hands_on_the_token_of_the_agent(passed: str) -> None:
    """Its configuration, which user code gets, has only the name of the variable."""
    assert "pool:org:token" not in user_code_environment(MACHINE, (passed,)).values()
