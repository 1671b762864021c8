"""Which agents serve a queue, and what to say when none does."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence


def serving(
    queue: str | None, agents: Sequence[Collection[str | None]]
) -> list[Collection[str | None]]:
    """The agents, given by the queues each serves, that take requests of ``queue``.

    ``None`` is the default queue, as a location's queue and among an agent's queues.
    """
    return [queues for queues in agents if queue in queues]


def describe_unserved(queue: str | None, agents: Mapping[str, Collection[str | None]]) -> str:
    """The sentence for a queue that none of these agents, by name, serves."""
    what = "the default queue" if queue is None else f"queue {queue!r}"
    if not agents:
        return (
            f"No agent is running that could serve {what}. Start one, and see it with "
            "`dagstead agents list`."
        )
    served = sorted({name for queues in agents.values() for name in queues if name is not None})
    close = difflib.get_close_matches(queue or "", served, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = "; ".join(f"{name}: {_queues(queues)}" for name, queues in sorted(agents.items()))
    return (
        f"No running agent serves {what}.{hint} Running agents and their queues: {listed}. "
        f"Add {what} to an agent's agent_queues, or change the location's agent_queue."
    )


def _queues(queues: Collection[str | None]) -> str:
    named = sorted(name for name in queues if name is not None)
    return ", ".join([*named, *(["(default queue)"] if None in queues else [])]) or "none"
