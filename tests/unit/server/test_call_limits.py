"""How much one token, or one address, may ask for."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from dagstead.plane.tokens import TokenKind
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.call_limits import CallLimitMiddleware, CallLimits
from dagstead.server.throttle import Throttle, TooManyError, address_of
from dagstead.testing.clock import ManualClock
from tests.support.tokens import token_of
from tests.unit.server.conftest import Plane


def throttle(clock: ManualClock, most: int = 60) -> Throttle:
    return Throttle(clock=clock, most=most, what="tries")


def test_a_minute_s_allowance_fills_up_evenly(clock: ManualClock) -> None:
    tries = throttle(clock)
    for _ in range(60):
        tries.count("a")
    with pytest.raises(TooManyError, match="more than 60 tries in a minute"):
        tries.count("a")
    tries.count("b")
    clock.advance(2)
    tries.count("a")
    tries.count("a")
    with pytest.raises(TooManyError):
        tries.count("a")


def test_only_so_many_are_remembered(clock: ManualClock) -> None:
    tries = throttle(clock, most=1)
    for number in range(30_000):
        tries.count(str(number))
    assert len(tries._buckets) == 10_000


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("10.1.2.3", 5), "10.1.2.3"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::", 5), "2001:db8:1:2::/64"),
        (("testclient", 5), "testclient"),
        (None, "unknown"),
    ],
)
def test_a_network_of_version_6_is_one_address(
    client: tuple[str, int] | None, address: str
) -> None:
    assert address_of({"type": "http", "client": client}) == address


def test_requests_and_sockets_of_a_token_have_a_number(clock: ManualClock) -> None:
    token = token_of(TokenKind.AGENT)
    limits = CallLimits(throttle=throttle(clock, 1000), most_requests=3, most_sockets=2)
    let_in: list[str] = []
    answers: list[object] = []

    async def run() -> None:
        go_on = asyncio.Event()

        async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
            let_in.append(scope["type"])
            await go_on.wait()

        async def send(message: object) -> None:
            answers.append(message)

        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        middleware = CallLimitMiddleware(app, limits)

        def call(kind: str) -> asyncio.Task[None]:
            scope = {
                "type": kind,
                "path": "/graphql",
                "method": "POST",
                "headers": [],
                "state": {"token": token},
            }
            return asyncio.get_running_loop().create_task(
                asyncio.wait_for(middleware(scope, receive, send), 10)
            )

        calls = [call(kind) for kind in ["http"] * 4 + ["websocket"] * 3]
        await asyncio.wait(calls, timeout=0.2)
        go_on.set()
        await asyncio.gather(*calls)

    asyncio.run(run())

    assert sorted(let_in) == ["http"] * 3 + ["websocket"] * 2
    starts = [each for each in answers if "status" in str(each)]
    assert "429" in str(starts)
    assert "retry-after" in str(starts)
    assert "1013" in str(answers)
    assert not limits._open


def test_who_guesses_tokens_is_asked_to_wait_and_others_are_let_in(
    plane: Plane, client: httpx.Client
) -> None:
    agent = plane.headers(TokenKind.AGENT)
    user = plane.headers(TokenKind.USER)
    guess = {TOKEN_HEADER: "user:dagstead:guess"}

    statuses = [client.get("/prod/", headers=guess).status_code for _ in range(301)]

    assert statuses == [401] * 300 + [429]
    busy = client.post("/graphql", json={}, headers=guess)
    assert (busy.status_code, int(busy.headers["Retry-After"]) >= 10) == (429, True)
    # Official clients take `errors` for final.
    assert "errors" not in busy.json()
    query = {"query": "{ version }"}
    assert client.post("/prod/graphql", json=query, headers=user).status_code == 200
    assert client.post("/graphql", json={"query": "{ agents { id } }"}, headers=agent).is_success
    plane.clock.advance(61)
    assert client.get("/prod/", headers=guess).status_code == 401
