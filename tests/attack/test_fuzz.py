"""Thousands of malformed requests: all are answered, none is our fault, and nothing is left behind.

``make fuzz`` sends 100,000; ``--fuzz-requests`` and ``--fuzz-seed`` say how many, and which.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest

from dagstead.engine.sockets import SubscriptionCounts
from dagstead.engine.validation import ValidTexts
from dagstead.engine.webserver import DeploymentWebserver
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.operator_api.context import ServerFacts
from dagstead.operator_api.schema import create_schema
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.app import create_app
from dagstead.server.health import WHOLE_PATH
from dagstead.server.not_offered import NOT_OFFERED_PATHS
from dagstead.server.services import open_instances
from dagstead.server.settings_sources import load_settings
from dagstead.store.all import Store
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.support.control_plane import ControlPlane
from tests.support.fuzz.documents import AgentRequests, OperatorRequests
from tests.support.fuzz.requests import TOKEN_HEADER, Requests, paths_of, repeatable
from tests.support.fuzz.wire import Answered, Sent, answer_to
from tests.support.summary import SECTION
from tests.support.web_process import own_failures

pytestmark = [pytest.mark.storage, pytest.mark.compat]

#: At one time.
_SENDERS = 8
#: Threads are started, and caches filled, when they are needed: so many requests need all.
_WARM = 300
_MORE_THREADS = 30
_MORE_BYTES = 150 << 20
_AT_ONCE = 64
_SECONDS = 20.0


@dataclass(slots=True)
class Tally:
    """What the answers were."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, answered: Answered) -> None:
        """Count one, and keep it if it should not be."""
        with self._lock:
            self.statuses[answered.status] += 1
            if _is_wrong(answered):
                self.wrong.append(f"{answered.status} {repeatable(answered.sent)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A server under fire, and who fires."""

    plane: ControlPlane
    requests: Requests
    web: psutil.Process

    @property
    def address(self) -> tuple[str, int]:
        """Of the server."""
        url = httpx.URL(self.plane.url)
        return url.host, int(url.port or 0)


@pytest.fixture
def target(
    request: pytest.FixtureRequest, tmp_path: Path, pytestconfig: pytest.Config
) -> Iterator[Target]:
    """A server on one of the databases, with callers of every kind."""
    database = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    random = Random(pytestconfig.getoption("--fuzz-seed"))
    with ControlPlane(
        tmp_path, database=database, variables={"DAGSTEAD_MAX_BODY_MB": "4"}
    ) as plane:
        for name in ("prod", "staging"):
            plane.store.deployments.create(name)
        plane.start()
        plane.stop_daemons()
        schema = create_schema(ServerFacts())
        requests = Requests(
            random=random,
            callers=_callers(plane.store),
            paths=_paths(plane, database),
            operator=OperatorRequests(schema.graphql_schema, random),
            agent=AgentRequests(agent_documents(OWN_MINOR), random),
        )
        yield Target(plane=plane, requests=requests, web=plane.web_process)


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


def _paths(plane: ControlPlane, database: str | None) -> list[str]:
    flags = {"data": plane.data, "database": database}
    settings = load_settings(flags, environment={}).settings
    with closing(open_instances(settings, plane.store)) as instances:
        app = create_app(settings, instances, environment={})
        workspace = DeploymentWorkspace("prod", instances, base_url=plane.url)
        schema = create_schema(ServerFacts())
        upstream = DeploymentWebserver(
            workspace,
            schema,
            ValidTexts(),
            SubscriptionCounts(),
            lambda _request, _name, html: html,
        )
        found = {*paths_of(app.routes), *paths_of(upstream.build_routes())}
    return sorted({*found, "/{a}", "/prod/{a}/{b}"})


@pytest.mark.parametrize("target", ["sqlite", "postgres"], indirect=True)
def test_malformed_requests(target: Target, request: pytest.FixtureRequest) -> None:
    number = max(request.config.getoption("--fuzz-requests"), 2 * _WARM)
    tally = Tally()
    began = time.monotonic()
    asyncio.run(_send_all(target, tally, range(_WARM)))
    threads, memory = target.web.num_threads(), target.web.memory_info().rss

    asyncio.run(_send_all(target, tally, range(_WARM, number)))

    more = target.web.memory_info().rss - memory
    took = time.monotonic() - began
    note = (
        f"{number} requests in {took:.0f} s, answers by status: {sorted(tally.statuses.items())}; "
        f"memory {memory >> 20} MiB and {more >> 20} MiB more, threads {threads} and "
        f"{target.web.num_threads() - threads} more"
    )
    request.node.add_report_section("call", SECTION, note)
    failures = Counter(own_failures(target.plane.web_log))
    wrong = [*tally.wrong[:20], *(f"{times} x {what}" for what, times in failures.items())]
    assert not wrong, "\n".join([note, *wrong])
    assert sum(tally.statuses.values()) == number
    assert target.web.num_threads() <= threads + _MORE_THREADS, note
    assert more <= _MORE_BYTES, note
    _require_free_threads(target)


async def _send_all(target: Target, tally: Tally, numbers: range) -> None:
    waiting: asyncio.Queue[Sent] = asyncio.Queue(_SENDERS)

    async def send() -> None:
        while True:
            sent = await waiting.get()
            try:
                tally.add(await answer_to(sent, target.address))
            except TimeoutError:
                tally.add(Answered(sent=sent, status=-1))
            finally:
                waiting.task_done()

    senders = [asyncio.create_task(send()) for _ in range(_SENDERS)]
    for number in numbers:
        await waiting.put(target.requests.make(number))
    await waiting.join()
    for sender in senders:
        sender.cancel()


def _is_wrong(each: Answered) -> bool:
    """Whether an answer is missing, or says that the server failed."""
    if each.status == 0:
        # Of what is no HTTP, or came after the answer: a server that hangs up on somebody who is
        # still sending may take the answer along.
        has_more = each.sent.raw is not None or each.sent.messages or len(each.sent.body) > 60_000
        return not has_more
    path = each.sent.path.partition("?")[0]
    is_refusal = each.status == 501 and path in NOT_OFFERED_PATHS
    # There are no daemons.
    is_health = each.status == 503 and path == WHOLE_PATH
    return (each.status < 0 or each.status >= 500) and not (is_refusal or is_health)


def _require_free_threads(target: Target) -> None:
    """Ask more at one time than there are threads for agents: none of them may be stuck."""
    callers = target.requests.callers

    def ask(number: int) -> int:
        name, query = [("agent", "{ agents { id } }"), ("user", "{ version }")][number % 2]
        answer = httpx.post(
            f"{target.plane.url}/graphql",
            json={"query": query},
            headers={TOKEN_HEADER: callers[name], "Dagster-Cloud-Deployment": "prod"},
            trust_env=False,
            timeout=_SECONDS,
        )
        return answer.status_code

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        assert set(pool.map(ask, range(_AT_ONCE))) == {200}
