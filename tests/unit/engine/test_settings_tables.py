"""Every key of settings that anybody knows has its place in the tables, and every place a test."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import Shape
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster_dg_cli.cli.api.deployment import set_settings_command as dg_set_deployment
from dagster_dg_cli.cli.api.organization import set_settings_command as dg_set_organization

from dagstead.control.settings.deployment import DEPLOYMENT_TABLE
from dagstead.control.settings.form import (
    DEPLOYMENT_FORM,
    ORGANIZATION_FORM,
    deployment_settings_errors,
    organization_settings_errors,
)
from dagstead.control.settings.organization import ORGANIZATION_TABLE
from dagstead.control.settings.rows import HonouredSetting, RefusedSetting, Row
from dagstead.engine.instance_settings import instance_settings
from tests.unit.engine.settings_seen import SEEN

TABLES: Mapping[str, Sequence[Row]] = {
    "deployment": DEPLOYMENT_TABLE,
    "organization": ORGANIZATION_TABLE,
}

#: What documents of Dagster+ and its Terraform provider have, beside what its packages know.
OF_DAGSTER_PLUS: Mapping[str, Mapping[str, Any]] = {
    "deployment": {
        "concurrency": {
            "pools": {"granularity": "run", "default_limit": 1, "op_granularity_run_buffer": 1},
            "runs": {
                "max_concurrent_runs": 10,
                "tag_concurrency_limits": [
                    {"key": "database", "value": "redshift", "limit": 5},
                    {"key": "user", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
                ],
            },
        },
        "run_queue": {"max_concurrent_runs": 30, "tag_concurrency_limits": []},
        "run_monitoring": {
            "start_timeout_seconds": 1200,
            "cancel_timeout_seconds": 1200,
            "max_runtime_seconds": 7200,
            "free_slots_after_run_end_seconds": 300,
        },
        "run_retries": {"max_retries": 0, "retry_on_asset_or_op_failure": True},
        "sso_default_role": "VIEWER",
        "non_isolated_runs": {"enabled": True, "max_concurrent_non_isolated_runs": 1},
        "auto_materialize": {
            "run_tags": {},
            "respect_materialization_data_versions": False,
            "use_sensors": False,
        },
    },
    "organization": {
        "sso_default_role": "EDITOR",
        "domain_allowlist": ["example.com"],
        "max_concurrent_branch_deployment_runs": 100,
        "max_concurrent_runs_per_branch_deployment": 10,
        "branch_deployment_tag_concurrency_limits": [{"key": "team", "limit": 3}],
    },
}


def keys_in(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of all keys of settings that have no keys below them."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from keys_in(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def keys_of(fields: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The same for a schema of open-source Dagster."""
    for key, field in fields.items():
        inner = field.config_type
        if isinstance(inner, Shape) and inner.fields:
            yield from keys_of(inner.fields, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def examples_in(command: Any) -> Iterator[Mapping[str, Any]]:
    """The settings that the help of an official command shows."""
    shown = re.findall(r"^ *\$.*\n((?: +[\w-].*\n)+)", command.help + "\n", re.MULTILINE)
    for text in shown:
        lines = text.splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines)
        yield yaml.safe_load("\n".join(line[indent:] for line in lines))


def known_keys() -> Iterator[tuple[str, str]]:
    for whose, settings in OF_DAGSTER_PLUS.items():
        yield from ((whose, key) for key in keys_in(settings))
    for key in keys_of(dagster_instance_config_schema()):
        yield "deployment", key
    of_the_queue: Any = QueuedRunCoordinator.config_type()
    for key in of_the_queue:
        yield "deployment", f"run_queue.{key}"
    for whose, command in (
        ("deployment", dg_set_deployment),
        ("organization", dg_set_organization),
    ):
        for example in examples_in(command):
            yield from ((whose, key) for key in keys_in(example))


KNOWN = sorted(set(known_keys()))


def test_what_is_known_is_found() -> None:
    assert ("deployment", "run_monitoring.max_resume_run_attempts") in KNOWN
    assert ("deployment", "auto_materialize.minimum_interval_seconds") in KNOWN
    assert ("deployment", "storage") in KNOWN
    assert ("organization", "domain_allowlist") in KNOWN
    assert len(KNOWN) > 80


@pytest.mark.parametrize(("whose", "key"), KNOWN)
def test_every_key_is_honoured_or_refused(whose: str, key: str) -> None:
    rows = [row for row in TABLES[whose] if f"{key}.".startswith(f"{row.path}.")]
    assert len(rows) == 1, f"place {key!r} in the table of the {whose}"


def test_every_honoured_setting_has_a_test_that_sees_it() -> None:
    for file in sorted(Path(__file__).parent.glob("test_settings_*.py")):
        if file != Path(__file__):
            importlib.import_module(f"tests.unit.engine.{file.stem}")
    for whose, table in TABLES.items():
        honoured = {row.path for row in table if isinstance(row, HonouredSetting)}
        assert honoured == SEEN[whose]


@pytest.mark.parametrize(
    ("whose", "row"),
    [
        (whose, row)
        for whose, table in TABLES.items()
        for row in table
        if isinstance(row, RefusedSetting)
    ],
    ids=lambda value: getattr(value, "path", value),
)
def test_what_is_refused_says_why_and_what_to_do(whose: str, row: RefusedSetting) -> None:
    value: Any = "anything"
    for key in reversed(row.path.split(".")):
        value = {key: value}
    errors = {
        "deployment": deployment_settings_errors,
        "organization": organization_settings_errors,
    }[whose](value)

    assert errors == [f"{row.path} changes nothing here: {row.because}. {row.instead}"]
    assert re.fullmatch(r"[^A-Z].*[^.]", row.because)
    assert re.fullmatch(r"[A-Z].*\.", row.instead)


def test_no_setting_is_placed_twice() -> None:
    for table in TABLES.values():
        paths = [row.path for row in table]
        assert len(paths) == len(set(paths))


def test_what_an_older_version_has_stored_is_ignored_and_said() -> None:
    stored = {
        "sso_default_role": "EDITOR",
        "auto_materialize": {"minimum_interval_seconds": 30.5, "use_sensors": True},
        "run_monitoring": {"max_resume_run_attempts": 3, "start_timeout_seconds": 60},
        "concurrency": {"runs": {"tag_concurrency_limits": [{"key": "a", "limit": 1, "more": 2}]}},
        "a": {"b": 1},
    }

    ignored = {each.path: each.reason for each in DEPLOYMENT_FORM.ignored(stored)}
    assert set(ignored) == {
        "a",
        "auto_materialize.minimum_interval_seconds",
        "concurrency.runs.tag_concurrency_limits.0.more",
        "run_monitoring.max_resume_run_attempts",
        "sso_default_role",
    }
    assert "Use run_retries.max_retries" in ignored["run_monitoring.max_resume_run_attempts"]
    assert DEPLOYMENT_FORM.in_force(stored) == {
        "auto_materialize": {"use_sensors": True},
        "run_monitoring": {"start_timeout_seconds": 60},
        "concurrency": {"runs": {}},
    }
    assert instance_settings(stored)["auto_materialize"] == {"num_workers": 4, "use_sensors": True}
    assert stored["sso_default_role"] == "EDITOR"
    assert [each.path for each in ORGANIZATION_FORM.ignored({"planted": 1})] == ["planted"]
