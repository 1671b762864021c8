"""Agents that have nothing to do, as stock agents are: each polls and pauses half a second.

Every five seconds it asks for its workspace, and every 30 seconds it sends a heartbeat. What they
send is made once, and of what they get only the beginning is read, so that many of them need little
of the machine that is measured.

It is started with the address of a control plane and the number of agents. Their tokens come by its
standard input, in a line, and they take turns with these. It ends at the end of that input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

from dagster._serdes import serialize_value
from dagster_cloud.agent import AgentQueuesConfig
from dagster_cloud.agent.queries import (
    ADD_AGENT_HEARTBEATS_MUTATION,
    GET_USER_CLOUD_REQUESTS_QUERY,
    WORKSPACE_ENTRIES_QUERY,
)
from dagster_cloud.api.dagster_cloud_api import AgentHeartbeat

_DEPLOYMENT = "prod"
_QUEUE = "idle"
_PAUSE_SECONDS = 0.5
_WORKSPACE_SECONDS = 5.0
_HEARTBEAT_SECONDS = 30.0
_LENGTH = b"content-length: "
_OK = b"HTTP/1.1 200 "


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What one agent says, whole requests."""

    poll: bytes
    workspace: bytes
    heartbeat: bytes


def words_of(host: str, token: str) -> Words:
    """Those of a new agent."""
    beat = AgentHeartbeat(
        timestamp=time.time(),
        agent_id=str(uuid4()),
        agent_label="idle",
        agent_type="DockerUserCodeLauncher",
        agent_queues_config=AgentQueuesConfig(
            include_default_queue=False, additional_queues=[_QUEUE]
        ),
    )
    sent = {"deploymentName": _DEPLOYMENT, "serializedAgentHeartbeat": serialize_value(beat)}
    serves = {"forBranchDeployments": False, "forFullDeployments": [_DEPLOYMENT]}
    of_workspace = {"deploymentNames": [_DEPLOYMENT], "includeAllServerlessDeployments": False}

    def request(query: str, **variables: object) -> bytes:
        body = json.dumps({"query": query, "variables": variables}).encode()
        lines = (
            "POST /graphql HTTP/1.1",
            f"Host: {host}",
            f"Dagster-Cloud-Api-Token: {token}",
            f"Dagster-Cloud-Deployment: {_DEPLOYMENT}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join((*lines, "", "")).encode() + body

    return Words(
        poll=request(GET_USER_CLOUD_REQUESTS_QUERY, **serves, limit=10, agentQueues=[_QUEUE]),
        workspace=request(WORKSPACE_ENTRIES_QUERY, **of_workspace, agentQueues=[_QUEUE]),
        heartbeat=request(
            ADD_AGENT_HEARTBEATS_MUTATION, serializedAgentHeartbeats=[sent], serializedErrors=[]
        ),
    )


class Agent(asyncio.Protocol):
    """One agent, on one connection."""

    def __init__(self, words: Words) -> None:
        self._turns = self._turns_of(words)
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a socket
        self._transport = transport
        self._speak()

    def data_received(self, data: bytes) -> None:
        """Speak again once the answer is whole."""
        self._got += data
        head, is_whole, body = self._got.partition(b"\r\n\r\n")
        if not is_whole:
            return
        _, _, rest = head.lower().partition(_LENGTH)
        if len(body) < int(rest.partition(b"\r\n")[0]):
            return
        if not head.startswith(_OK) or b'"errors"' in body:
            sys.exit(f"An agent was refused: {self._got!r}")
        self._got = b""
        self._speak()

    def connection_lost(self, error: Exception | None) -> None:
        """Let whoever measures know."""
        sys.exit(f"An agent lost its connection: {error}")

    def _speak(self) -> None:
        pause, said = next(self._turns)
        asyncio.get_running_loop().call_later(pause, self._transport.write, said)

    def _turns_of(self, words: Words) -> Iterator[tuple[float, bytes]]:
        """What it says next, and after how many seconds."""
        asked = beaten = 0.0
        while True:
            if time.monotonic() - asked >= _WORKSPACE_SECONDS:
                asked = time.monotonic()
                yield 0.0, words.workspace
            if time.monotonic() - beaten >= _HEARTBEAT_SECONDS:
                beaten = time.monotonic()
                yield 0.0, words.heartbeat
            yield _PAUSE_SECONDS, words.poll


def _same(agent: Agent) -> Agent:
    return agent


async def main(url: str, count: int) -> None:
    """Be all of them, until nobody listens."""
    tokens = sys.stdin.readline().split()
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    for number in range(count):
        agent = Agent(words_of(parts.netloc, tokens[number % len(tokens)]))
        await loop.create_connection(partial(_same, agent), parts.hostname or "", parts.port or 80)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
