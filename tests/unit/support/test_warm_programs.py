from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dagstead.testing import eventually
from tests.support.environments import own_environment
from tests.support.processes import ChildProcess
from tests.support.warm_programs import Preload, WarmPrograms


@pytest.fixture(scope="module")
def programs() -> Iterator[WarmPrograms]:
    """Of any programs, those that are installed with the tests and quick to import."""
    started = WarmPrograms.imported(own_environment(), Preload(commands=("alembic", "uvicorn")))
    yield started
    started.close()


def test_a_program_has_its_arguments_its_folder_and_its_variables(
    programs: WarmPrograms, tmp_path: Path
) -> None:
    variables = dict(os.environ) | {"UVICORN_PORT": "nowhere"}

    made = programs.run(
        "alembic", ["init", "there"], folder=tmp_path, variables=variables, seconds=60
    )
    refused = programs.run("uvicorn", ["x:y"], folder=tmp_path, variables=variables, seconds=60)

    assert (made.exit_code, refused.exit_code) == (0, 2)
    assert (tmp_path / "there" / "env.py").exists()
    assert "done" in made.stdout
    assert "'nowhere' is not a valid integer" in refused.stderr


def test_a_program_is_a_process_that_leads_its_group_and_says_which_signal_ended_it(
    programs: WarmPrograms, tmp_path: Path
) -> None:
    (tmp_path / "waits.py").write_text("async def app(*_): pass\n", encoding="utf-8")
    program = str(own_environment().program("uvicorn"))
    command = [program, "waits:app", "--port", "0", "--app-dir", "."]

    with ChildProcess(command, log=tmp_path / "log", cwd=tmp_path, warm=programs) as server:
        server.wait_for_log("Uvicorn running", 60)
        process = psutil.Process(server.pid)

        assert os.getpgid(server.pid) == server.pid
        server.signal(signal.SIGKILL)

        assert server.wait(30) == server.exit_code == -signal.SIGKILL
        eventually(lambda: not process.is_running(), 30, "its end")


def test_a_program_with_settings_of_its_interpreter_is_started_by_itself(
    programs: WarmPrograms, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('its own interpreter')", encoding="utf-8")
    command = [str(own_environment().program("alembic"))]
    variables = own_environment().variables(PYTHONPATH=str(tmp_path))

    with ChildProcess(command, log=tmp_path / "log", env=variables, warm=programs) as program:
        program.wait(60)

    assert "its own interpreter" in program.log_text()
