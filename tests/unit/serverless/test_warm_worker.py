"""The program of a warm worker, driven without walls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import RepositoryPythonOrigin
from dagster._serdes import serialize_value

from dagstead.serverless.sandbox.programs import StartCommand
from dagstead.serverless.warm.standby import WORKER, RunOrder, Standby
from dagstead.testing.waiting import eventually

PATIENCE = 120
#: It waits until a test says so.
CODE = """
import os, time
from pathlib import Path
while not Path("goes-on").exists():
    time.sleep(0.05)
TOKEN = os.environ.get("DAGSTER_CLOUD_AGENT_TOKEN")
"""


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[Standby]:
    """One whose code asks for the token."""
    (tmp_path / "asking.py").write_text(CODE, encoding="utf-8")
    pointer = ModuleCodePointer("asking", "TOKEN", working_directory=str(tmp_path))
    origin = RepositoryPythonOrigin(executable_path=sys.executable, code_pointer=pointer)
    command = [sys.executable, str(WORKER), serialize_value(origin), "no instance"]
    start = StartCommand(command=["env", f"--chdir={tmp_path}", *command], environment=os.environ)
    made = Standby.start("a", start, now=0.0, clean=lambda: None)
    yield made
    made.end()


def hand_over(standby: Standby, output: Path) -> None:
    """What a launch does; the order is a question that ends at once."""
    order = RunOrder(
        run_id="r", arguments=["--version"], environment={"DAGSTER_CLOUD_AGENT_TOKEN": "t"}
    )
    with output.open("wb") as file:
        standby.hand_over(order, file)


@pytest.mark.parametrize("comes_first", [True, False], ids=["the order", "the code"])
def test_code_that_asks_for_the_token_begins_anew_with_its_order(
    standby: Standby, tmp_path: Path, *, comes_first: bool
) -> None:
    output = tmp_path / "output"
    if comes_first:
        hand_over(standby, output)
        (tmp_path / "goes-on").touch()
    else:
        (tmp_path / "goes-on").touch()
        eventually(lambda: standby.needs_token, PATIENCE, "what it says")
        hand_over(standby, output)
    assert standby.process.wait(PATIENCE) == 0
    assert "python -m dagster, version" in output.read_text(encoding="utf-8")


def test_it_ends_when_nobody_needs_it(standby: Standby, tmp_path: Path) -> None:
    (tmp_path / "goes-on").touch()
    eventually(lambda: standby.needs_token, PATIENCE, "what it says")
    standby._line.close()
    assert standby.process.wait(PATIENCE) == 0
