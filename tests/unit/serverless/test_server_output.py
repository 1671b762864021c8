"""What a code server writes is told line by line, and does not fill the disk."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dagstead.serverless import server_output
from dagstead.serverless.server_output import ServerOutput
from dagstead.testing.waiting import eventually


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_output, "_LOOK_SECONDS", 0.01)


def followed(output: ServerOutput, over: threading.Event) -> tuple[threading.Thread, list[str]]:
    told: list[str] = []
    thread = threading.Thread(
        target=output.follow, args=(told.append,), kwargs={"has_ended": over.is_set}
    )
    thread.start()
    return thread, told


def test_lines_are_told_whole_and_the_last_one_too(tmp_path: Path) -> None:
    output, over = ServerOutput(tmp_path / "x.log"), threading.Event()
    with output.open() as file:
        thread, told = followed(output, over)
        file.write(b"one\ntw")
        file.flush()
        eventually(lambda: told == ["one"], 10, "the whole line")
        file.write(b"o\nno end of a line: \xff")
        file.flush()
        over.set()
        thread.join(10)
    assert told == ["one", "two", "no end of a line: \ufffd"]
    assert output.last_lines() == "one\ntwo\nno end of a line: \ufffd"


def test_what_has_been_told_is_dropped_and_the_server_writes_on(tmp_path: Path) -> None:
    output, over = ServerOutput(tmp_path / "x.log"), threading.Event()
    with output.open() as file:
        thread, told = followed(output, over)
        for number in range(40):
            file.write(b"%d %s\n" % (number, b"x" * 50_000))
        file.flush()
        eventually(lambda: output.path.stat().st_size == 0, 10, "the file to be emptied")
        file.write(b"after it\n")
        file.flush()
        over.set()
        thread.join(10)
    assert [each.split()[0] for each in told] == [*map(str, range(40)), "after"]
    assert output.last_lines() == "after it\n"


def test_before_the_start_there_is_nothing(tmp_path: Path) -> None:
    assert ServerOutput(tmp_path / "x.log").last_lines() == ""
