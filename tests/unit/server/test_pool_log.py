"""The log of the managed pool's agent: whatever user code puts into it, it can forge no record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dagster._utils.log import default_date_format_string, default_format_string

from dagstead.server import pool
from dagstead.server.settings_sources import load_settings
from dagstead.serverless.agent_home import _LOG_FORM, _LOG_TIMES
from dagstead.serverless.sandbox.walls import Walls

FORGED = "2026-01-01 00:00:00 +0000 - dagster_cloud.agent - INFO - forged"
SECRET = "pool:dagstead:dagstead_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

#: What the agent does with the option, and a message that has an error of user code.
_AGENT = """
import logging, logging.config, sys
from dagster_cloud.agent.cli import _get_agent_logging_config
logging.basicConfig(level=logging.INFO, handlers=[logging.StreamHandler()])
given = _get_agent_logging_config(None, sys.argv[1])
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **given})
logger = logging.getLogger("dagster_cloud.user_code_launcher")
hostile = sys.stdin.read()
logger.error("Could not load: %s", hostile)
try:
    raise ValueError(hostile)
except ValueError:
    logger.exception("It failed")
"""


def _log_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> list[str]:
    """What the process that ``dagstead pool`` becomes writes of an error."""
    settings = load_settings({"data": tmp_path / "data"}, environment={}).settings
    environment = {
        pool.POOL_TOKEN_VARIABLE: SECRET,
        pool._WALLS_VARIABLE: json.dumps(Walls().as_json()),
    }
    started: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execve", lambda _program, arguments, _more: started.append(arguments))
    pool.run_pool(settings, environment)
    monkeypatch.undo()
    [arguments] = started
    assert arguments[-2] == "--agent-logging-config-string"
    done = subprocess.run(
        [sys.executable, "-c", _AGENT, arguments[-1]],
        input=said,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return done.stderr.removesuffix("\n").split("\n")


def test_errors_of_user_code_forge_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tricks = ("\n", "\r\n", "\x0b", "\x85", "\u2028", "\x1b[2K\x1b[1A", "\x00", "\u202e")
    hostile = "".join(f"no such module{trick}{FORGED}" for trick in tricks)
    lines = _log_of(tmp_path, monkeypatch, f"{hostile} {SECRET}")

    records = [line for line in lines if not line.startswith("  | ")]
    assert [line.partition(" - ")[2] for line in records] == [
        "dagster_cloud.user_code_launcher - ERROR - Could not load: no such module",
        "dagster_cloud.user_code_launcher - ERROR - It failed",
    ]
    assert "  | Traceback (most recent call last):" in lines
    assert not set("".join(lines)) & set("\r\x0b\x85\u2028\x1b\x00\u202e")
    assert SECRET not in "\n".join(lines)


def test_records_have_the_form_of_the_agent() -> None:
    assert default_format_string() == _LOG_FORM
    assert default_date_format_string() == _LOG_TIMES
