"""A record of the log is one line, whatever a caller has put into it."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Iterator

import pytest

from dagstead.server.logs import RedactingFormatter
from dagstead.testing import eventually
from tests.unit.server.conftest import Plane

FORGED = "2026-01-01 00:00:00,000 INFO    web dagstead.server.guard: GET /prod 200"
FORM = "%(asctime)s %(levelname)-7s web %(name)s: %(message)s"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What our processes write to standard error."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter(FORM))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    "trick",
    ["%0A", "%0D%0A", "%0D", "%C2%85", "%E2%80%A8", "%1B%5B2K%1B%5B1A", "%00", "%08", "%E2%80%AE"],
)
def test_a_path_makes_no_line_of_its_own(plane: Plane, log: io.StringIO, trick: str) -> None:
    path = f"/alpha/{trick}{FORGED.replace(' ', '%20')}"
    with socket.create_connection(("127.0.0.1", plane.settings.port)) as caller:
        caller.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        while caller.recv(65536):
            pass
    lines = eventually(lambda: log.getvalue().splitlines(), 20, "the record")
    assert [line for line in lines if line.startswith("2026-01-01 00:00")] == []
    about = [line for line in lines if "GET /alpha/" in line]
    assert len(about) == 1
    assert FORGED in about[0]
    assert not set(log.getvalue()) & set("\r\x1b\x00\x08\x85\u2028\u202e")


def shown(record: logging.LogRecord) -> list[str]:
    return RedactingFormatter("%(levelname)s %(message)s").format(record).split("\n")


def test_arguments_make_none_either() -> None:
    record = logging.LogRecord(
        "a", logging.INFO, "f", 1, "from %s", ("x\nINFO forged\x1b[2J",), None
    )
    assert shown(record) == ["INFO from x\\nINFO forged\\x1b[2J"]


def test_the_lines_of_a_traceback_are_marked() -> None:
    message = "x\nINFO forged\x1b[2J"
    with pytest.raises(ValueError, match="forged") as failed:
        raise ValueError(message)
    trace = (failed.type, failed.value, failed.tb)
    record = logging.LogRecord("a", logging.ERROR, "f", 1, "failed", None, trace)
    # Another handler has formatted it before.
    logging.Formatter().format(record)
    first, *others = shown(record)
    assert first == "ERROR failed"
    assert len(others) > 3
    assert all(line.startswith("  | ") for line in others)
    assert "  | INFO forged\\x1b[2J" in others
