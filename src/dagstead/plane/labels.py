"""Labels of metrics: names of others, in a bounded number.

Every value of a label is a time series that somebody stores. A caller who may name queues and
deployments must not be able to make any number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dagstead.model.queues import describe_queue
from dagstead.model.text import escaped_line

DEFAULT_QUEUE = describe_queue(None)
#: All branch deployments together: there is one for each pull request.
BRANCHES = "(branch deployments)"
#: Those for which there is no label of their own.
OTHERS = "(others)"

#: The most queues that have a label of their own; and the most full deployments.
MOST_LABELS = 100

_RESERVED = frozenset({DEFAULT_QUEUE, BRANCHES, OTHERS})
_LONGEST = 128


def queue_label(queue: str | None) -> str:
    """The label of a queue."""
    return DEFAULT_QUEUE if queue is None else _label(queue)


def deployment_label(name: str, *, is_branch: bool) -> str:
    """The label of a deployment."""
    return BRANCHES if is_branch else _label(name)


def most_wanted(labels: Iterable[str], rank: Callable[[str], object]) -> frozenset[str]:
    """Those that keep a label of their own: the first ones by rank, and then by name."""
    own = sorted({*labels} - _RESERVED, key=lambda label: (rank(label), label))
    return frozenset(own[:MOST_LABELS]) | _RESERVED


def _label(name: str) -> str:
    shown = escaped_line(name)
    if shown in _RESERVED:
        return f"\\{shown}"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
