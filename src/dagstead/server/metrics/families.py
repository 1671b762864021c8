"""From numbers to metrics: every name and label is in this file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from dagstead.plane.numbers import WORK_OF_AN_AGENT, PlaneNumbers, QueueNumbers, scale_of
from dagstead.plane.queue_views import Waiting
from dagstead.plane.tallies import ABOVE, DISPATCH_BOUNDS, TallyKind

_BUCKETS = [*map(str, DISPATCH_BOUNDS), ABOVE]


def families_of(numbers: PlaneNumbers) -> Iterator[Metric]:
    """All metrics that come from the database, which are the same from every process."""
    queues = numbers.labelled_queues()
    yield from _of_queues(queues, numbers.at)
    yield _dispatch(numbers.tallies)
    yield _counter(
        numbers,
        TallyKind.EXPIRED,
        "dagstead_queue_requests_expired",
        "Requests that no agent has answered in time.",
    )
    yield _counter(
        numbers,
        TallyKind.REDELIVERED,
        "dagstead_queue_requests_redelivered",
        "Requests that were put back on their queue, as the agent that took them was gone.",
    )
    yield from _of_deployments(numbers)
    yield from _of_parts(numbers)


#: Metrics of a queue that have one value: name, help, and what it is; ``None`` where there is none.
_OF_QUEUE: Sequence[tuple[str, str, Callable[[QueueNumbers, float], float | None]]] = (
    (
        "dagstead_queue_oldest_request_age_seconds",
        "Age of the oldest request that waits for an agent; 0 if none does.",
        lambda queue, now: _age(queue.waiting, now),
    ),
    (
        "dagstead_queue_oldest_run_age_seconds",
        "Age of the oldest run in the run queue; 0 if there is none.",
        lambda queue, now: _age(queue.queued_runs, now),
    ),
    (
        "dagstead_queue_agents",
        "Live agents that serve a queue.",
        lambda queue, _: queue.agents,
    ),
    (
        "dagstead_queue_locations",
        "Code locations that are on a queue.",
        lambda queue, _: queue.locations,
    ),
    (
        "dagstead_queue_unserved_seconds",
        "For how long no agent serves a queue that something needs; 0 if one does.",
        lambda queue, _: queue.unserved_seconds,
    ),
    (
        "dagstead_queue_work",
        "What a queue has to do for agents: the signal by which others start and stop them.",
        lambda queue, now: scale_of(None, queue, now, WORK_OF_AN_AGENT).work,
    ),
    (
        "dagstead_queue_paused",
        "Whether somebody has paused a queue.",
        lambda queue, _: int(queue.is_paused),
    ),
    (
        "dagstead_queue_run_limit",
        "The limit of runs of a queue, where it has one.",
        lambda queue, _: queue.limit,
    ),
    (
        "dagstead_queue_longest_wait_seconds",
        "How long a run may wait on a queue, where somebody has said so.",
        lambda queue, _: queue.longest_wait_seconds,
    ),
)


def _of_queues(queues: Mapping[str, QueueNumbers], now: float) -> Iterator[Metric]:
    requests = GaugeMetricFamily(
        "dagstead_queue_requests",
        "Requests without an answer: waiting for an agent, or taken by one.",
        labels=["queue", "state"],
    )
    runs = GaugeMetricFamily(
        "dagstead_queue_runs",
        "Runs of a queue: queued in the run queue, or running, which counts for its limit.",
        labels=["queue", "state"],
    )
    for label, queue in queues.items():
        requests.add_metric([label, "waiting"], queue.waiting.count)
        requests.add_metric([label, "taken"], queue.taken)
        runs.add_metric([label, "queued"], queue.queued_runs.count)
        runs.add_metric([label, "running"], queue.running)
    yield from (requests, runs)
    for name, text, read in _OF_QUEUE:
        family = GaugeMetricFamily(name, text, labels=["queue"])
        for label, queue in queues.items():
            value = read(queue, now)
            if value is not None:
                family.add_metric([label], value)
        yield family


def _age(waiting: Waiting, now: float) -> float:
    return 0.0 if waiting.oldest_at is None else max(0.0, now - waiting.oldest_at)


def _dispatch(tallies: Mapping[tuple[str, str, str], float]) -> Metric:
    family = HistogramMetricFamily(
        "dagstead_queue_dispatch_duration_seconds",
        "Time from the queueing of a request until an agent got it.",
        labels=["queue"],
    )
    counted: dict[str, dict[str, float]] = defaultdict(dict)
    for (what, label, bucket), number in tallies.items():
        if what == TallyKind.DISPATCHED:
            counted[label][bucket] = number
    for label, buckets in counted.items():
        heights = accumulate(buckets.get(bound, 0.0) for bound in _BUCKETS)
        seconds = tallies.get((TallyKind.DISPATCH_SECONDS, label, ""), 0.0)
        family.add_metric([label], list(zip(_BUCKETS, heights, strict=True)), seconds)
    return family


def _counter(
    numbers: PlaneNumbers, what: TallyKind, name: str, text: str, detail: str | None = None
) -> Metric:
    place = "queue" if what.is_by_queue else "deployment"
    family = CounterMetricFamily(name, text, labels=[place, *([detail] if detail else [])])
    for (of, label, found), number in numbers.tallies.items():
        if of == what:
            family.add_metric([label, *([found] if detail else [])], number)
    return family


def _of_deployments(numbers: PlaneNumbers) -> Iterator[Metric]:
    runs = GaugeMetricFamily(
        "dagstead_deployment_runs",
        "Runs that have not ended: queued, starting or started.",
        labels=["deployment", "state"],
    )
    locations = GaugeMetricFamily(
        "dagstead_deployment_locations",
        "Code locations by the newest load: loading, loaded or failed.",
        labels=["deployment", "state"],
    )
    for label, deployment in numbers.labelled_deployments().items():
        for state in ("queued", "starting", "started"):
            runs.add_metric([label, state], deployment.runs.get(state, 0))
        for state in ("loading", "loaded", "failed"):
            locations.add_metric([label, state], deployment.locations.get(state, 0))
    yield from (runs, locations)
    yield _counter(
        numbers,
        TallyKind.RUNS_ENDED,
        "dagstead_deployment_runs_ended",
        "Runs that have ended: success, failure or canceled.",
        "status",
    )
    yield _counter(
        numbers,
        TallyKind.EVENTS,
        "dagstead_deployment_events",
        "Events of runs that agents and workers have sent.",
    )
    yield _counter(
        numbers,
        TallyKind.LOAD_ERRORS,
        "dagstead_deployment_load_errors",
        "Loads of code locations that agents have reported as failed.",
    )


def _of_parts(numbers: PlaneNumbers) -> Iterator[Metric]:
    healthy = GaugeMetricFamily(
        "dagstead_part_healthy",
        "Whether a part of the control plane is well, as `dagstead status` says.",
        labels=["part"],
    )
    figures: dict[str, float] = {}
    for part in numbers.parts:
        healthy.add_metric([part.name], int(part.is_well))
        figures |= {f"{part.name} {name}": number for name, number in part.numbers.items()}
    yield healthy
    agents = GaugeMetricFamily(
        "dagstead_agents", "Agents of users: running or silent.", labels=["state"]
    )
    for state in ("running", "silent"):
        agents.add_metric([state], figures.get(f"agents {state}", 0))
    yield agents
    yield GaugeMetricFamily(
        "dagstead_disk_free_bytes",
        "Free space on the fullest disk that this process writes to.",
        value=figures.get("disk free_bytes", 0),
    )
    yield GaugeMetricFamily(
        "dagstead_tokens_expiring",
        "Tokens that expire soon and that nobody has rotated.",
        value=figures.get("tokens expire_soon", 0),
    )
