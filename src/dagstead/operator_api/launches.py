"""Launching a run at most once, however often the client sends the launch.

``dagster-cloud job launch`` sends an Idempotency-Key and, trusting it, repeats a launch whose
answer did not come.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Protocol, cast

from dagster import RunsFilter
from dagster_graphql.schema.pipelines.pipeline import GrapheneRun
from dagster_graphql.schema.runs import GrapheneLaunchRunSuccess
from graphql import GraphQLResolveInfo

from dagstead.control import bell
from dagstead.control.writes import WriteLedger
from dagstead.engine.workspace import DeploymentRequestContext
from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import python_error, readable
from dagstead.plane.writes import WriteState

IDEMPOTENCY_HEADER = "Idempotency-Key"

#: Hidden in the UI by its prefix. It leads from the key to the run that the first try launched.
LAUNCH_TAG = ".dagster/launch_key"

#: The client waits 60 seconds for an answer.
_WAIT_SECONDS = 50.0


class _Connection(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...


def once(launch: Resolver) -> Resolver:
    """Wrap the open-source ``launchRun``; without a key it stays as it is."""

    async def resolve(root: object, info: GraphQLResolveInfo, **arguments: Any) -> object:
        context = context_of(info)
        key = _key(info.context.source)
        if key is None:
            return readable(info, await _awaited(launch(root, info, **arguments)))
        ledger = context.control.writes.ledger(context.actor, context.deployment, ())
        begun = await _begin(ledger, key)
        if begun is WriteState.IN_FLIGHT:
            return python_error("The same launch is still under way. Ask for it again.")
        known = None if begun is WriteState.NEW else _launched(context, key)
        if known is not None:
            _end(ledger, key, ledger.finish)
            return known
        _tag(arguments["executionParams"], key)
        made = await _finish(ledger, key, lambda: _awaited(launch(root, info, **arguments)))
        return readable(info, made)

    return resolve


WRAPPED_MUTATIONS: Mapping[str, Callable[[Resolver], Resolver]] = {"launchRun": once}


async def _finish(ledger: WriteLedger, key: str, launch: Callable[[], Awaitable[object]]) -> object:
    end = ledger.interrupt
    try:
        result = await launch()
        if isinstance(result, GrapheneLaunchRunSuccess):
            end = ledger.finish
        # Otherwise it was refused: the key may be tried again, and finds a run that was launched
        # anyway.
        return result
    finally:
        _end(ledger, key, end)


def _end(ledger: WriteLedger, key: str, end: Callable[[str], None]) -> None:
    end(key)
    ledger.wake(key)


async def _begin(ledger: WriteLedger, key: str) -> WriteState:
    deadline = time.monotonic() + _WAIT_SECONDS
    with ledger.listen(key) as listener:
        while True:
            begun = ledger.begin(key)
            if begun is not WriteState.IN_FLIGHT or time.monotonic() >= deadline:
                return begun
            await listener.wait_async(bell.LOOK_SECONDS)


def _launched(context: DeploymentRequestContext, key: str) -> object | None:
    records = context.instance.get_run_records(RunsFilter(tags={LAUNCH_TAG: key}), limit=1)
    return GrapheneLaunchRunSuccess(run=GrapheneRun(records[0])) if records else None


def _tag(parameters: dict[str, Any], key: str) -> None:
    metadata = parameters.get("executionMetadata") or {}
    tags = [*(metadata.get("tags") or []), {"key": LAUNCH_TAG, "value": key}]
    parameters["executionMetadata"] = {**metadata, "tags": tags}


def _key(source: object) -> str | None:
    """A hash of the client's key: a tag and a database key of fixed form, whatever was sent."""
    if source is None:
        return None
    sent = cast("_Connection", source).headers.get(IDEMPOTENCY_HEADER)
    return f"launch-{hashlib.sha256(sent.encode()).hexdigest()[:40]}" if sent else None


async def _awaited(value: object) -> object:
    return await value if isawaitable(value) else value
