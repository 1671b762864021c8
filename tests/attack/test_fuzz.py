"""Thousands of malformed requests: all are answered, none is our fault, and nothing is left behind.

``make fuzz`` sends 100,000; ``--fuzz-requests`` and ``--fuzz-seed`` say how many, and which.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil
import pytest
from starlette.applications import Starlette

from dagstead.engine.instances import Instances
from dagstead.engine.sockets import SubscriptionCounts
from dagstead.engine.validation import ValidTexts
from dagstead.engine.webserver import DeploymentWebserver
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.operator_api.context import ServerFacts
from dagstead.operator_api.schema import create_schema
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.app import create_app
from dagstead.server.connections import ConnectionLimits, bounded_protocol
from dagstead.server.health import WHOLE_PATH
from dagstead.server.not_offered import NOT_OFFERED_PATHS
from dagstead.server.services import open_instances
from dagstead.server.settings import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store, open_store
from dagstead.testing import eventually
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.support.fuzz.documents import AgentRequests, OperatorRequests
from tests.support.fuzz.requests import Requests, paths_of, repeatable
from tests.support.fuzz.wire import Answered, Sent, answer_to
from tests.support.served import PromptServer, served
from tests.support.summary import SECTION

pytestmark = [
    pytest.mark.storage,
    # A resolver of upstream's is never awaited when another one has failed.
    pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning"),
    # Their cursors are checked by hand.
    pytest.mark.filterwarnings("ignore:Invalid cursor for ticks:UserWarning"),
]

#: At one time.
_SENDERS = 8
#: Threads are started when they are needed, up to a number; this many requests need all.
_WARM = 400
_MORE_THREADS = 40
_MORE_BYTES = 150 << 20


class Failures(logging.Handler):
    """What the server has logged as a failure of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a failure that is ours, with where it happened."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self.seen.append(record.getMessage()[:300])
        elif not _is_upstream(error):
            self.seen.append(f"{_place(error)}: {record.getMessage()[:200]}")


def _is_upstream(error: BaseException) -> bool:
    """Whether open-source Dagster has failed at what its own schema allows, without our part."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not any("/dagstead/" in each.filename for each in frames)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    known = [each for each in frames if "/dagstead/" in each.filename] or list(frames)
    places = [f"{each.filename.rpartition('/src/')[2]}:{each.lineno}" for each in known[-3:]]
    return f"{' > '.join(places)} {type(error).__name__}: {str(error)[:200]}"


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A server under fire."""

    address: tuple[str, int]
    requests: Requests
    failures: Failures


@pytest.fixture
def plane(database_url: str, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Plane]:
    """A server on one of the databases, with callers of every kind."""
    folder = tmp_path / "blobs"
    store = open_store(database_url=database_url, blobs_folder=folder, clock=time.time)
    for name in ("prod", "staging"):
        store.deployments.create(name)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        port = listener.getsockname()[1]
        flags = {"data": tmp_path, "port": port, "max_body_mb": 4, "database": database_url}
        if database_url.startswith("sqlite"):
            del flags["database"]
        settings = load_settings(flags, environment={}).settings
        instances = open_instances(settings, store)
        app = create_app(settings, instances, environment={"DAGSTEAD_SECRET_X": "secret"})
        config = server_config(settings, app)
        config.http = bounded_protocol(ConnectionLimits(body_seconds=20))
        random = Random(pytestconfig.getoption("--fuzz-seed"))
        requests = Requests(
            random=random,
            callers=_callers(store),
            paths=_paths(app, instances),
            operator=OperatorRequests(create_schema(ServerFacts()).graphql_schema, random),
            agent=AgentRequests(agent_documents(OWN_MINOR), random),
        )
        with failures() as found, served(PromptServer(config), listener):
            yield Plane(address=listener.getsockname(), requests=requests, failures=found)
        instances.close()
    store.close()


@contextmanager
def failures() -> Iterator[Failures]:
    """Watch what the server logs."""
    found = Failures()
    logging.getLogger().addHandler(found)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(found)


def _callers(store: Store) -> Mapping[str, str]:
    def token(kind: TokenKind, grant: Grant, *, revoked: bool = False) -> str:
        secret = new_secret(kind, "dagstead")
        made = store.tokens.create(f"a {kind}", kind, secret, grant)
        if revoked:
            store.tokens.revoke(made.id)
        return secret

    prod = frozenset({"prod"})
    return {
        "none": "",
        "garbage": "user:dagstead:garbage",
        "revoked": token(TokenKind.USER, Grant(), revoked=True),
        "user": token(TokenKind.USER, Grant()),
        "user of prod": token(TokenKind.USER, Grant(deployments=prod)),
        "ci": token(TokenKind.USER, Grant(deployments=prod, locations=frozenset({"etl"}))),
        "agent": token(TokenKind.AGENT, Grant()),
        "agent of a queue": token(
            TokenKind.AGENT, Grant(deployments=prod, queues=frozenset({"gpu"}))
        ),
    }


def _paths(app: Starlette, instances: Instances) -> list[str]:
    workspace = DeploymentWorkspace("prod", instances, base_url="http://127.0.0.1")
    schema = create_schema(ServerFacts())
    upstream = DeploymentWebserver(workspace, schema, ValidTexts(), SubscriptionCounts())
    return sorted(
        {*paths_of(app.routes), *paths_of(upstream.build_routes()), "/{a}", "/prod/{a}/{b}"}
    )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How much of the machine the server has."""

    threads: int
    memory: int

    @classmethod
    def now(cls) -> Shape:
        gc.collect()
        return cls(threads=threading.active_count(), memory=psutil.Process().memory_info().rss)


def test_malformed_requests(plane: Plane, request: pytest.FixtureRequest) -> None:
    number = request.config.getoption("--fuzz-requests")
    warm, begun = asyncio.run(_send_all(plane, 0, _WARM)), Shape.now()

    answered = warm + asyncio.run(_send_all(plane, _WARM, max(number, _WARM) - _WARM))

    assert len(answered) == max(number, _WARM)
    statuses = sorted(Counter(each.status for each in answered).items())
    request.node.add_report_section("call", SECTION, f"answers by status: {statuses}")
    wrong = [f"{each.status} {repeatable(each.sent)}" for each in answered if _is_wrong(each)]
    ours = [f"{times} x {what}" for what, times in Counter(plane.failures.seen).items()]
    assert not wrong + ours, "\n".join([*wrong[:20], *sorted(ours)[:40]])
    eventually(lambda: not _busy_threads(), 60, "all threads to be idle again")
    ended = Shape.now()
    assert ended.threads <= begun.threads + _MORE_THREADS
    assert ended.memory <= begun.memory + _MORE_BYTES


async def _send_all(plane: Plane, first: int, count: int) -> list[Answered]:
    waiting: asyncio.Queue[Sent] = asyncio.Queue(_SENDERS)
    answered: list[Answered] = []

    async def send() -> None:
        while True:
            sent = await waiting.get()
            try:
                answered.append(await answer_to(sent, plane.address))
            except TimeoutError:
                answered.append(Answered(sent=sent, status=-1, body=b"", seconds=60))
            finally:
                waiting.task_done()

    senders = [asyncio.create_task(send()) for _ in range(_SENDERS)]
    for number in range(first, first + count):
        await waiting.put(plane.requests.make(number))
    await waiting.join()
    for sender in senders:
        sender.cancel()
    return answered


def _is_wrong(each: Answered) -> bool:
    """Whether an answer is missing, or says that the server failed."""
    if each.status == 0:
        # Of what is no HTTP, or came after the answer: a server that hangs up on somebody who is
        # still sending may take the answer along.
        has_more = each.sent.raw is not None or each.sent.messages or len(each.sent.body) > 60_000
        return not has_more
    path = each.sent.path.partition("?")[0]
    if each.status == 501 and path in NOT_OFFERED_PATHS:
        return False
    if each.status == 503 and path == WHOLE_PATH:
        # There are no daemons.
        return False
    return each.status < 0 or each.status >= 500


def _busy_threads() -> list[str]:
    """Threads of the server that are in the middle of a request."""
    busy = []
    for frame in sys._current_frames().values():
        files = [each.filename for each in traceback.extract_stack(frame)]
        if any("/agent_api/" in file or "/operator_api/" in file for file in files):
            busy.append(files[-1])
    return busy
