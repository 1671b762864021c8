"""What every user of a machine sees in its list of processes has no password."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from dagstead.testing import eventually
from tests.support.environments import own_environment
from tests.support.processes import ChildProcess

pytestmark = pytest.mark.compat


@pytest.mark.parametrize("command", ["up", "web", "daemon", "pool"])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("query", [True, False])
def test_a_password_of_the_database_is_not_in_the_arguments(
    tmp_path: Path, command: str, *, joined: bool, query: bool
) -> None:
    environment = own_environment()
    # Somebody who answers nothing: the command waits.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}/plane"
        url = (
            f"postgresql://me@{place}?password=hunter2"
            if query
            else f"postgresql://me:hunter2@{place}"
        )
        flag = [f"--database={url}"] if joined else ["--database", url]
        child = ChildProcess(
            [environment.program("dagstead"), command, *flag, "--data", tmp_path / "data"],
            log=tmp_path / "log",
            env=environment.variables(),
            cwd=tmp_path,
        )
        try:
            process = psutil.Process(child.pid)
            child.wait_for_log("--database has a password", 60)
            eventually(
                lambda: process.environ().get("DAGSTEAD_DATABASE") == url,
                60,
                "the same process with the address in its environment",
                retry_on=(psutil.AccessDenied,),
            )
            assert command in process.cmdline()
            for each in (process, *process.children(recursive=True)):
                assert "hunter2" not in " ".join(each.cmdline())
            assert "hunter2" not in child.log_text()
        finally:
            child.kill()
