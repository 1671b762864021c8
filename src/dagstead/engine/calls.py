"""Calls on agents: each is queued for the location's queue and waits for an agent's answer."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._serdes import deserialize_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiErrorResponse,
    DagsterCloudApiGrpcResponse,
    DagsterCloudApiRequest,
    DagsterCloudApiResponse,
    LaunchRunArgs,
    TerminateRunArgs,
)
from dagster_shared.check.record import is_record
from dagster_shared.record import replace

from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat, as_agent, of_deployment
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import LoadState, Location
from dagstead.plane.requests import NewRequest
from dagstead.plane.tokens import TokenKind
from dagstead.routing.routes import Routed, Target, route
from dagstead.routing.wording import describe_unserved
from dagstead.store.all import Store

#: How often a waiting call looks for its answer, at first and after two seconds.
_POLL_SECONDS = (0.02, 0.1)
_FAST_POLLS = 100

#: An agent that reconnects after a server restart needs up to 16 seconds to be heard of again.
_WAIT_FOR_AN_AGENT_SECONDS = 20.0

#: A run that waits longer than this for an agent is better failed with a reason: the start
#: timeout of run monitoring does that earlier unless it was set higher.
_LAUNCH_LIFETIME_SECONDS = 24 * 3600.0

#: Workspace checks are cheap and repeated at each deploy.
_CHECK_LIFETIME_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Work:
    api: DagsterCloudApi
    args: object
    queue: str | None
    #: Seconds until nobody needs it any more.
    lifetime: float
    location: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """Queue work for agents, and wait where there is an answer to wait for."""

    store: Store

    def check_for_workspace_updates(
        self, deployment: Deployment, queues: Iterable[str | None]
    ) -> None:
        """Make the agents of these queues load and upload what was deployed.

        Without it an agent restarts the code server of a changed location and never uploads its
        definitions (PROTOCOL, request queue).
        """
        for queue in set(queues):
            api = DagsterCloudApi.CHECK_FOR_WORKSPACE_UPDATES
            self._submit(deployment, _Work(api, None, queue, _CHECK_LIFETIME_SECONDS))

    def launch_run(self, deployment: Deployment, run: DagsterRun) -> None:
        """Queue the launch of a run; does not wait."""
        self._submit_run(
            deployment, DagsterCloudApi.LAUNCH_RUN, LaunchRunArgs(dagster_run=run), run
        )

    def terminate_run(self, deployment: Deployment, run: DagsterRun) -> None:
        """Queue the termination of a run; does not wait."""
        self._submit_run(
            deployment, DagsterCloudApi.TERMINATE_RUN, TerminateRunArgs(dagster_run=run), run
        )

    def ask(
        self,
        deployment: Deployment,
        location: str,
        api: DagsterCloudApi,
        args: object,
        *,
        timeout: float,
    ) -> str:
        """Ask the code of a location, through whichever agent serves its queue.

        Returns:
            The serialized response of the code server.

        Raises:
            DagsterUserCodeUnreachableError: when no agent serves the queue, none answers in
                ``timeout`` seconds, or the agent reports an error. Open-source callers expect this
                class.
        """
        deadline = self.store.clock() + timeout
        while True:
            row = self._returned(deployment, location, deadline)
            left = max(deadline - self.store.clock(), 0.0)
            work = _Work(api, args, row.queue, left, location)
            request_id = self._submit(deployment, work)
            answer = self._wait(request_id, deployment, location, row.queue, left)
            response = cast("DagsterCloudApiResponse", deserialize_value(answer))
            failed = isinstance(response, DagsterCloudApiErrorResponse)
            if not (failed and self._settles(row, deadline)):
                return _response_text(response, api, location)

    def _returned(self, deployment: Deployment, location: str, deadline: float) -> Location:
        """The location, once it is back on what is live after a release that failed.

        Until then the agent may answer with the code of that release.
        """
        never = threading.Event()
        while True:
            row = self.store.locations.get(deployment.name, location)
            if not row.is_returning or self.store.clock() >= deadline:
                return row
            never.wait(_POLL_SECONDS[1])

    def _settles(self, asked: Location, deadline: float) -> bool:
        """Wait until agents are done with a location; whether it has changed since it was asked.

        The official agent stops the code server that it had when a new one does not come up, and
        answers with the new one's error until it has gone back to what is live.
        """
        never = threading.Event()
        while self.store.clock() < deadline:
            row = self.store.locations.get(asked.deployment, asked.name)
            if row.open_release is None and row.state is not LoadState.LOADING:
                return row.version != asked.version
            never.wait(_POLL_SECONDS[1])
        return False

    def heartbeats(self, deployment: Deployment) -> list[Heartbeat]:
        """The newest heartbeat of each live agent that serves a deployment."""
        now = self.store.clock()
        alive = [beat for beat in self.store.agents.all() if beat.is_alive(now)]
        return of_deployment(alive, deployment.name, is_branch=deployment.is_branch)

    def why_unserved(self, deployment: Deployment, location: str, queue: str | None) -> str | None:
        """Why no agent will take this location's requests; ``None`` when one will, or may soon."""
        if self._is_starting(deployment, queue):
            return None
        is_branch = deployment.is_branch
        found = route(
            Routed(name=location, queue=queue),
            Target(deployment=deployment.name, is_branch=is_branch),
            [as_agent(beat, is_branch=is_branch) for beat in self.heartbeats(deployment)],
        )
        return None if found.is_served else str(describe_unserved(found, running=True))

    def _is_starting(self, deployment: Deployment, queue: str | None) -> bool:
        """Whether an agent has called that may serve the queue, and whose heartbeat is to come.

        Official agents call first, then load their launcher, and send a heartbeat after that.
        """
        now = self.store.clock()
        heard_of = {beat.token_id for beat in self.store.agents.all() if beat.is_alive(now)}
        return any(
            token.kind is TokenKind.AGENT
            and token.id not in heard_of
            and token.revoked_at is None
            and token.last_used_at is not None
            and now - token.last_used_at < ALIVE_SECONDS
            and token.grants_queue(queue)
            and token.grants_deployment(deployment.name, is_branch=deployment.is_branch)
            for token in self.store.tokens.all()
        )

    def _wait(
        self,
        request_id: str,
        deployment: Deployment,
        location: str,
        queue: str | None,
        timeout: float,
    ) -> str:
        start = self.store.clock()
        never = threading.Event()
        polls = 0
        while (waited := self.store.clock() - start) < timeout:
            answer = self.store.requests.get_answer(deployment.name, request_id)
            if answer is not None:
                return answer
            if waited > _WAIT_FOR_AN_AGENT_SECONDS and polls % 50 == 0:
                reason = self.why_unserved(deployment, location, queue)
                if reason:
                    self.store.requests.expire(deployment.name, [request_id])
                    raise DagsterUserCodeUnreachableError(f"{location!r}: {reason}")
            never.wait(_POLL_SECONDS[polls > _FAST_POLLS])
            polls += 1
        self.store.requests.expire(deployment.name, [request_id])
        reason = self.why_unserved(deployment, location, queue) or (
            "An agent serves its queue and did not answer. Its code server may still be starting: "
            "look at the agent's log."
        )
        msg = f"No answer from code location {location!r} in {timeout:.0f} seconds. {reason}"
        raise DagsterUserCodeUnreachableError(msg)

    def _submit_run(
        self, deployment: Deployment, api: DagsterCloudApi, args: object, run: DagsterRun
    ) -> None:
        location = location_of_run(run)
        queue = self.store.locations.get(deployment.name, location).queue
        work = _Work(api, args, queue, _LAUNCH_LIFETIME_SECONDS, location, run.run_id)
        self._submit(deployment, work)

    def _submit(self, deployment: Deployment, work: _Work) -> str:
        request_id = str(uuid.uuid4())
        expires_at = self.store.clock() + work.lifetime
        body = DagsterCloudApiRequest(
            request_id=request_id,
            request_api=work.api,
            request_args=_without_instance_ref(work.args),
            deployment_name=deployment.name,
            expire_at=expires_at,
            is_branch_deployment=deployment.is_branch,
        )
        self.store.requests.submit(
            NewRequest(
                id=request_id,
                api=work.api.value,
                deployment=deployment.name,
                queue=work.queue,
                location=work.location,
                run_id=work.run_id,
                body=serialize_value(body),
                expires_at=expires_at,
            )
        )
        return request_id


def location_of_run(run: DagsterRun) -> str:
    """The code location that a run belongs to."""
    if run.remote_job_origin is None:
        msg = (
            f"Run {run.run_id} belongs to no code location, so no agent can execute it. "
            "Launch it from a deployed location."
        )
        raise DagsterUserCodeUnreachableError(msg)
    return run.remote_job_origin.location_name


def _without_instance_ref(args: object) -> object:
    # The control plane's instance ref has its database address in it; agents put in their own.
    if getattr(args, "instance_ref", None) is None:
        return args
    # Argument classes are records or named tuples, by their age; some are records that look like
    # named tuples.
    if is_record(args):
        return replace(args, instance_ref=None)
    return args._replace(instance_ref=None)  # type: ignore[attr-defined]


def _response_text(response: DagsterCloudApiResponse, api: DagsterCloudApi, location: str) -> str:
    if isinstance(response, DagsterCloudApiGrpcResponse):
        return response.serialized_response_or_error
    if isinstance(response, DagsterCloudApiErrorResponse):
        msg = f"The agent could not ask code location {location!r}: {_first(response.error_infos)}"
        raise DagsterUserCodeUnreachableError(msg)
    msg = f"The agent is too old to know {api.value}. Upgrade the agent of location {location!r}."
    raise DagsterUserCodeUnreachableError(msg)


def _first(errors: Sequence[Any]) -> str:
    return str(errors[0].message).strip() if errors else "it gave no reason"
