"""Agents that have nothing to do: each polls, and pauses half a second, as stock agents do.

It is started with the address of a control plane and the number of agents. The token comes by its
standard input, at whose end it ends, too.
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


async def poll_for_ever(http: httpx.AsyncClient) -> None:
    """Be one agent."""
    while True:
        answer = await http.post("/graphql", json={"query": _POP, "variables": {}})
        if answer.status_code != httpx.codes.OK or "errors" in answer.json():
            sys.exit(f"A poll was refused: {answer.status_code} {answer.text}")
        await asyncio.sleep(_PAUSE_SECONDS)


async def main(url: str, count: int) -> None:
    """Be all of them, until nobody listens."""
    headers = {
        "Dagster-Cloud-Api-Token": sys.stdin.readline().strip(),
        "Dagster-Cloud-Deployment": "prod",
    }
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, limits=limits, trust_env=False
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(poll_for_ever(http)) for _ in range(count)]
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
