"""Agents that have nothing to do: each polls, and pauses half a second, as stock agents do.

It is started with the address of a control plane and the number of agents. Their tokens come by its
standard input, in a line, and they take turns with these. It ends at the end of that input.
"""

from __future__ import annotations

import asyncio
import sys

import httpx

_POP = """
mutation Pop {
  userCloudAgent { popUserCloudAgentRequests(agentQueues: ["idle"]) { requestId } }
}
"""
_PAUSE_SECONDS = 0.5


async def poll_for_ever(http: httpx.AsyncClient, token: str) -> None:
    """Be one agent."""
    headers = {"Dagster-Cloud-Api-Token": token}
    while True:
        question = {"query": _POP, "variables": {}}
        answer = await http.post("/graphql", json=question, headers=headers)
        if answer.status_code != httpx.codes.OK or "errors" in answer.json():
            sys.exit(f"A poll was refused: {answer.status_code} {answer.text}")
        await asyncio.sleep(_PAUSE_SECONDS)


async def main(url: str, count: int) -> None:
    """Be all of them, until nobody listens."""
    tokens = sys.stdin.readline().split()
    headers = {"Dagster-Cloud-Deployment": "prod"}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, limits=limits, trust_env=False
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        tasks = [
            group.create_task(poll_for_ever(http, tokens[number % len(tokens)]))
            for number in range(count)
        ]
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
