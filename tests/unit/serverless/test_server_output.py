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


#: What a line must not have, as it would move the cursor, change the terminal, or end the line.
_CONTROLS = {chr(number) for number in (*range(32), *range(0x7F, 0xA0))} | {*"\u2028\u2029\u202e"}

HOSTILE = [
    b"\x1b[2J\x1b[1;1H",
    b"\x1b]0;owned\x07",
    b"\x1b]52;c;AAAA\x1b\\",
    "\x9b2J".encode(),
    b"\x9b2J",
    b"50%\rforged",
    b"a\x08\x08b",
    b"a\x00b",
    b"a\x0bb\x0cc\x1cd",
    "a\x85b\u2028c\u2029d".encode(),
    "a\u202eb\u2066c".encode(),
    b"\xed\xa0\x80\xff\xfe",
    b"x" * (server_output._LINE_BYTES - 1) + "\u202e".encode() + b"\x1b[2J",
    b"x" * (server_output._LINE_BYTES - 1) + b"\x1b[2J\r",
    bytes(range(10)) + bytes(range(11, 256)),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: repr(text[-12:]))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_hostile_bytes_do_nothing_to_a_terminal_and_make_no_line(
    tmp_path: Path, hostile: bytes, end: bytes
) -> None:
    output, over = ServerOutput(tmp_path / "x.log"), threading.Event()
    output.path.write_bytes(b"first\n" + hostile + end)
    over.set()
    thread, told = followed(output, over)
    thread.join(10)
    assert told[0] == "first"
    # A long line comes in pieces.
    assert len(told) == 2 + (len(hostile) > server_output._LINE_BYTES)
    assert not _CONTROLS & set("".join(told))


def test_before_the_start_there_is_nothing(tmp_path: Path) -> None:
    assert ServerOutput(tmp_path / "x.log").last_lines() == ""
