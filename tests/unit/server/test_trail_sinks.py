"""The places to which the trail is sent, and what becomes of rows while one is away."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import ConfigurationError
from dagstead.plane.health import ServerPart
from dagstead.plane.trail import Entry, Result, Who, WhoKind
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import load_settings
from dagstead.server.trail_sinks import (
    WEBHOOK_TOKEN_VARIABLE,
    FileSink,
    NotTakenError,
    SyslogSink,
    WebhookSink,
    destinations_of,
)
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.testing.waiting import eventually
from dagstead.watch.trail_senders import TrailSenders
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

LINES = ['{"seq":1}', '{"seq":2}']


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(empty_store(tmp_path, ManualClock())) as opened:
        yield opened


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


def append(store: Store, count: int) -> None:
    who = Who(kind=WhoKind.PERSON, name="ada")
    for _ in range(count):
        store.trail.append(Entry(who=who, act="tokens.revoke", result=Result.DONE))


def trail_health(control: Control) -> ServerPart:
    return next(each for each in control.health.parts(SYSTEM) if each.name == "trail")


def test_a_file_gets_a_line_for_each_row_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    sink = FileSink(path)
    sink.require_usable()
    sink.send(LINES)
    assert path.read_text() == '{"seq":1}\n{"seq":2}\n'
    assert path.stat().st_mode & 0o777 == 0o600
    # The disk was full in the middle of a line.
    with path.open("a") as file:
        file.write('{"se')
    sink.send(LINES[:1])
    assert path.read_text().splitlines()[2:] == ['{"se', '{"seq":1}']
    # It was moved away.
    path.rename(tmp_path / "trail.1")
    sink.send(LINES[1:])
    assert path.read_text() == '{"seq":2}\n'


def test_a_syslog_gets_a_message_for_each_row(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        SyslogSink(f"udp://127.0.0.1:{server.getsockname()[1]}").send(LINES)
        got = [server.recv(9000) for _ in LINES]
    # Facility auth, severity info.
    assert got == [f"<38>dagstead: {line}\0".encode() for line in LINES]
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        sink = SyslogSink(f"unix://{path}")
        sink.require_usable()
        sink.send(LINES)
        assert server.recv(9000) == got[0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = SyslogSink(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        sink.send(LINES)
        connection, _ = listener.accept()
        with connection, connection.makefile() as lines:
            assert lines.read() == "".join(f"<38>dagstead: {line}\n" for line in LINES)
    with pytest.raises(OSError, match="refused"):
        sink.send(LINES)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        SyslogSink(f"unix://{path}").send(LINES)


@contextmanager
def webhook(status: Callable[[], int]) -> Iterator[tuple[str, list[tuple[dict[str, str], str]]]]:
    """A server that answers with a status, and what it got."""
    got: list[tuple[dict[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            code = status()
            if code == 200:
                got.append((dict(self.headers), body))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/in", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_gets_lines_and_its_token() -> None:
    answers = [200, 302, 500]
    with webhook(lambda: answers.pop(0)) as (address, got):
        sink = WebhookSink(address, "s3cret")
        assert "s3cret" not in repr(sink)
        sink.send(LINES)
        ((headers, body),) = got
        assert body == '{"seq":1}\n{"seq":2}\n'
        assert headers["Authorization"] == "Bearer s3cret"
        assert headers["Content-Type"] == "application/x-ndjson"
        for status in (302, 500):
            with pytest.raises(NotTakenError, match=f"answered {status}"):
                sink.send(LINES)


class Place:
    """One that may be away."""

    name = "webhook"

    def __init__(self) -> None:
        self.is_away = False
        self.got: list[int] = []

    def has_got(self) -> bool:
        return bool(self.got)

    def send(self, lines: Sequence[str]) -> None:
        if self.is_away:
            msg = "It is\naway"
            raise OSError(msg)
        self.got += [json.loads(line)["seq"] for line in lines]


def test_nothing_is_lost_while_a_place_is_away_and_no_act_fails(
    control: Control, store: Store
) -> None:
    place = Place()
    append(store, 3)
    senders = TrailSenders(control, [place])
    senders.start()
    try:
        eventually(lambda: place.got == [1, 2, 3], 30, "three rows")
        place.is_away = True
        append(store, 250)
        eventually(lambda: store.trail.sinks()[0].failing_since is not None, 30, "a failure")
        part = trail_health(control)
        assert not part.is_well
        assert "OSError: It is away." in part.says
        assert part.numbers == {"webhook_waiting": 250}
        # What has not arrived is not removed, however old it is.
        clock = store.clock
        assert isinstance(clock, ManualClock)
        clock.advance(400 * 86400)
        assert control.trail.prune(SYSTEM, 86400.0) == 3
        place.is_away = False
        eventually(lambda: len(place.got) == 254, 60, "all rows")
        # The one that says that others were removed, too.
        assert place.got == list(range(1, 255))
        eventually(lambda: store.trail.sinks()[0].failing_since is None, 30, "no failure")
        eventually(lambda: trail_health(control).is_well, 30, "a trail that is well")
    finally:
        senders.stop()


def test_who_leads_next_goes_on_where_the_last_one_was(control: Control, store: Store) -> None:
    append(store, 3)
    first, second = Place(), Place()
    for place in (first, second):
        senders = TrailSenders(control, [place])
        senders.start()
        eventually(place.has_got, 30, "rows")
        senders.stop()
        append(store, 2)
    assert (first.got, second.got) == ([1, 2, 3], [4, 5])


def test_a_place_that_nobody_sends_to_is_said(control: Control, store: Store) -> None:
    control.trail.keep_sinks(SYSTEM, frozenset({"file"}))
    append(store, 1)

    assert trail_health(control).is_well
    clock = store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(301)
    assert not trail_health(control).is_well


@pytest.mark.parametrize(
    ("flags", "environment", "says"),
    [
        ({"trail_syslog": "syslog.example.com"}, {}, "must be udp://HOST:514"),
        ({"trail_syslog": "udp://syslog.example.com"}, {}, "must be udp://HOST:514"),
        ({"trail_syslog": "unix:///nowhere/log"}, {}, "there is no socket '/nowhere/log'"),
        ({"trail_webhook": "logs.example.com"}, {}, "must be an address such as"),
        ({"trail_webhook": "https://u:p@logs.example.com"}, {}, "must not have a password"),
        ({}, {WEBHOOK_TOKEN_VARIABLE: "x"}, "trail_webhook is not"),
        ({"trail_file": "/nowhere/trail.jsonl"}, {}, "cannot be written: No such file"),
        ({"trail_file": "/dev/null"}, {}, "cannot be written: it is no file"),
        ({"trail_file": "DATA/trail.jsonl"}, {}, "is in the data folder"),
        ({"trail_days": -1}, {}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    flags: dict[str, Any], environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    placed = {
        name: value.replace("DATA", str(tmp_path)) if isinstance(value, str) else value
        for name, value in flags.items()
    }
    with pytest.raises(ConfigurationError, match=says):
        destinations_of(
            load_settings({"data": tmp_path, **placed}, environment={}).settings, environment
        )


def test_places_are_found_and_their_secrets_are_not_shown(tmp_path: Path) -> None:
    loaded = load_settings(
        {
            "data": tmp_path / "data",
            "trail_file": tmp_path / "trail.jsonl",
            "trail_webhook": "https://hooks.example.com/T0/s3cret",
        },
        environment={},
    )
    found = destinations_of(loaded.settings, {WEBHOOK_TOKEN_VARIABLE: "t0ken"})
    assert [each.name for each in found] == ["file", "webhook"]
    shown = {row["name"]: row["value"] for row in report(loaded)}
    assert shown["trail_webhook"] == "https://hooks.example.com/…"
    assert destinations_of(load_settings({"data": tmp_path}, environment={}).settings, {}) == []
