"""A real web server while somebody floods it: others are answered, and its memory stays small."""

from __future__ import annotations

import hashlib
import json
import resource
import socket
import statistics
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest

from dagstead.testing import eventually
from tests.support.control_plane import ControlPlane
from tests.support.graphql_floods import FLOODS, doubling
from tests.support.summary import SECTION
from tests.support.web_process import most_memory

pytestmark = pytest.mark.compat

TOKEN_HEADER = "Dagster-Cloud-Api-Token"
GIBIBYTE = 1 << 30
#: What a load balancer waits.
MOST_SECONDS = 2.0


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with a deployment."""
    with ControlPlane(tmp_path_factory.mktemp("attacked")) as plane:
        plane.start()
        plane.deployment("prod")
        yield plane


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Shows a sentence with the result."""
    return lambda text: request.node.add_report_section("call", SECTION, text)


def client(plane: ControlPlane, token: str | None = None) -> httpx.Client:
    headers = {"Dagster-Cloud-Deployment": "prod", **({TOKEN_HEADER: token} if token else {})}
    return httpx.Client(base_url=plane.url, headers=headers, trust_env=False, timeout=60)


@contextmanager
def flooding(attacks: list[Callable[[], object]]) -> Iterator[None]:
    """Repeat attacks, each in a thread of its own, to the end of the block."""
    ended = threading.Event()

    def repeat(attack: Callable[[], object]) -> None:
        while not ended.is_set():
            with suppress(httpx.HTTPError):
                attack()

    with ThreadPoolExecutor(len(attacks)) as pool:
        repeating = [pool.submit(repeat, attack) for attack in attacks]
        try:
            yield
        finally:
            ended.set()
            for each in repeating:
                each.result(120)


def health_seconds(plane: ControlPlane, looks: int) -> list[float]:
    """How long the health check takes, again and again."""
    taken = []
    with client(plane) as caller:
        for _ in range(looks):
            began = time.monotonic()
            answer = caller.get("/health")
            taken.append(time.monotonic() - began)
            assert answer.status_code == 200
    return taken


def require_prompt(note: Callable[[str], None], what: str, taken: list[float]) -> None:
    median, most = statistics.median(taken), max(taken)
    note(f"/health while {what}: {median * 1000:.0f} ms, at most {most * 1000:.0f} ms")
    assert most < MOST_SECONDS


def test_health_is_answered_while_documents_come(
    plane: ControlPlane, note: Callable[[str], None]
) -> None:
    user = plane.user_token("a user")
    agent = plane.agent_token("an agent")
    texts = [
        doubling(19),
        doubling(30),
        "{ version " + " " * (1 << 20) + "}",
        "{ version " + "#\n" * 500_000 + "}",
        '{ f(a: "' + "issues " * 140_000 + '") }',
        "{" + " version" * 14_000 + "}",
        *FLOODS.values(),
    ]
    with client(plane, user) as people, client(plane, agent) as agents:

        def flood(caller: httpx.Client, text: str) -> Callable[[], object]:
            return lambda: caller.post("/graphql", json={"query": text})

        attacks = [flood(people, text) for text in texts] + [flood(agents, t) for t in texts]
        with flooding(attacks[:12]):
            require_prompt(note, "documents come", health_seconds(plane, 60))


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as the system allows, for a test that is many clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_1200_slow_connections(plane: ControlPlane, note: Callable[[str], None]) -> None:
    begins = [
        b"",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /oidc/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    ]
    host, port = httpx.URL(plane.url).host, httpx.URL(plane.url).port
    with ExitStack() as stack:
        slow = []
        for number in range(1_200):
            one = stack.enter_context(socket.create_connection((host, port), timeout=30))
            one.sendall(begins[number % len(begins)])
            one.settimeout(0)
            slow.append(one)
        require_prompt(note, "1,200 connections wait", health_seconds(plane, 60))
        eventually(lambda: all(map(_is_closed, slow)), 90, "all of them to be closed")


def _is_closed(one: socket.socket) -> bool:
    try:
        while one.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def bomb(size: int) -> bytes:
    """What unpacks to so many bytes, of which nearly all are zero."""
    packer = zlib.compressobj()
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * (16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (size >> 24)


def test_bombs_need_no_memory(plane: ControlPlane, note: Callable[[str], None]) -> None:
    agent, user = plane.agent_token("a bomber"), plane.user_token("a bomber")
    zeros = bomb(900 << 20)
    lists = zlib.compress(b'[{"a":1},' * 900_000 + b"0" + b"]" * 900_000, 1)
    events = zlib.compress(_events(30 << 20), 1)
    long_text = b'{"query": "{ version }", "variables": {"a": "' + b"x" * (45 << 20) + b'"}}'
    with client(plane, agent) as agents, client(plane, user) as people:

        def files(path: str, name: str, content: bytes) -> Callable[[], httpx.Response]:
            method = "POST" if path == "/store_events" else "PUT"
            return lambda: agents.request(method, path, files={name: content})

        attacks: list[Callable[[], object]] = [
            files("/store_events", "store_events.tmp", zeros),
            files("/store_events", "store_events.tmp", lists),
            files("/store_events", "store_events.tmp", events),
            files("/upload_workspace_entry", "workspace_entry.tmp", zeros),
            files("/upload_job_snapshot", "job.tmp", lists),
            files("/upload_api_response", "api_response.tmp", zeros),
            lambda: _confirm(agents, zeros),
            *[lambda: people.post("/graphql", content=long_text, headers=_JSON)] * 6,
        ]
        with flooding(attacks):
            taken = health_seconds(plane, 40)
    most = most_memory(plane.web_process)
    note(f"memory of the web server under bombs: at most {most >> 20} MiB")
    require_prompt(note, "bombs come", taken)
    # The six long texts, of a size that is allowed, have up to 1 GiB at the same time. One bomb of
    # 900 MiB would be seen above that.
    assert most < 1.5 * GIBIBYTE


_JSON = {"Content-Type": "application/json"}


def _events(size: int) -> bytes:
    entry: dict[str, Any] = {"__class__": "EventLogEntry", "level": 20, "user_message": "m" * 200}
    one = json.dumps(entry).encode()
    head = b'{"__class__": "StoreEventBatchRequest", "event_log_entries": ['
    return head + b",".join([one] * (size // len(one))) + b"]}"


def _confirm(agents: httpx.Client, content: bytes) -> None:
    sha1 = hashlib.sha1(b"", usedforsecurity=False).hexdigest()
    query = {"type": "repository", "sha1": sha1, "size": "1", "formats": "json.gz"}
    offered = agents.get("/check_snapshot", params=query).json()["upload_data"]
    agents.put(offered["presigned_put_url"], content=content)
    answer = agents.put("/confirm_upload", json=offered)
    assert answer.status_code in {413, 429}
