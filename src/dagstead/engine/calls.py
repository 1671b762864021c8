"""Calls on agents, in Dagster's own classes: they are put on the queue of the location."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, cast

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiErrorResponse,
    DagsterCloudApiGrpcResponse,
    DagsterCloudApiResponse,
    LaunchRunArgs,
    TerminateRunArgs,
)
from dagster_cloud.util import NON_ISOLATED_RUN_TAG_PAIR
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.control.questions import Question
from dagstead.control.work import Work
from dagstead.engine.load_errors import one_line
from dagstead.errors import LocationNotFoundError, NoAnswerError
from dagstead.model.launches import LAUNCH_NUMBER_TAG
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.machine import LaunchStep
from dagstead.plane.launches import LaunchTags
from dagstead.plane.locations import Location

#: A run should not wait longer than this for an agent, but fail with a reason. The start timeout of
#: run monitoring does that earlier, unless it is set higher.
_LAUNCH_LIFETIME_SECONDS = 24 * 3600.0

#: How the official agent (1.11 to 1.13) says that a code server is away: it has none, it has the
#: error of one, or the socket is dead. Of a frozen process that is said after 20 seconds: the
#: kernel takes the connection, and nobody greets.
_UNREACHABLE = (
    "No server endpoint exists for",
    "Failure loading server endpoint for",
    "StatusCode.UNAVAILABLE",
)

#: Of an agent's error, which may have the whole error of a code server in it.
_SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """Queues work for agents, and waits for the answer if there will be one."""

    control: Control

    def launch_run(self, deployment: Deployment, run: DagsterRun) -> LaunchStep:
        """Queue the launch of a run; does not wait.

        Returns:
            What became of it; it does not count when the run is no longer wanted, or was offered
            before.
        """
        known = self.control.launches.newest(SYSTEM, deployment, run.run_id)
        if known is not None and known.number > 1:
            run = run.with_tags({**run.tags, LAUNCH_NUMBER_TAG: str(known.number)})
        work = self._work(
            deployment, DagsterCloudApi.LAUNCH_RUN, LaunchRunArgs(dagster_run=run), run
        )
        if known is not None and known.has_queue:
            # A deploy since then may have moved the location, not the run.
            work = replace(work, queue=known.queue)
        key, disabled = NON_ISOLATED_RUN_TAG_PAIR
        tags = LaunchTags(
            max_runtime_seconds=_max_runtime(run), in_code_server=run.tags.get(key) == disabled
        )
        return self.control.launches.offer(SYSTEM, deployment, work, tags)

    def terminate_run(self, deployment: Deployment, run: DagsterRun) -> None:
        """Queue the termination of a run, where it was launched; does not wait."""
        api, args = DagsterCloudApi.TERMINATE_RUN, TerminateRunArgs(dagster_run=run)
        launch = self.control.launches.newest(SYSTEM, deployment, run.run_id)
        if launch is None or launch.location is None:
            work = self._work(deployment, api, args, run)
        else:
            # Its location may be gone by now, or be served by another agent.
            work = Work(
                api=api.value,
                args=args,
                queue=launch.queue,
                lifetime_seconds=_LAUNCH_LIFETIME_SECONDS,
                location=launch.location,
                run_id=run.run_id,
            )
        self.control.requests.submit(SYSTEM, deployment, work)

    def require_usable(
        self,
        deployment: Deployment,
        location: str,
        api: DagsterCloudApi,
        args: object,
        *,
        timeout: float,
    ) -> None:
        """Refuse a question whose answer is known, where it would be refused when it was asked.

        Raises:
            DagsterUserCodeUnreachableError: as of :meth:`ask`.
        """
        question = self._question(location, api, args, timeout)
        try:
            self.control.questions.require_usable(SYSTEM, deployment, question)
        except NoAnswerError as error:
            raise DagsterUserCodeUnreachableError(error.message) from error

    def ask(
        self,
        deployment: Deployment,
        location: str,
        api: DagsterCloudApi,
        args: object,
        *,
        timeout: float,
    ) -> str:
        """Ask the code of a location, through an agent that has its code server.

        Returns:
            The serialized response of the code server.

        Raises:
            DagsterUserCodeUnreachableError: when no agent serves the queue, when none answers in
                ``timeout`` seconds, and when the agent reports an error. Open-source callers
                expect this class.
        """
        questions = self.control.questions
        question = self._question(location, api, args, timeout)
        deadline = question.deadline
        while True:
            try:
                answer = questions.ask(SYSTEM, deployment, question)
            except NoAnswerError as error:
                raise DagsterUserCodeUnreachableError(error.message) from error
            response = cast("DagsterCloudApiResponse", deserialize_value(answer.text))
            failed = isinstance(response, DagsterCloudApiErrorResponse)
            if _is_unreachable(response) and answer.otherwise is not None:
                question = answer.otherwise
                continue
            self._note(deployment, answer.asked, response)
            if not (failed and questions.has_changed(SYSTEM, deployment, answer.asked, deadline)):
                return _response_text(response, api, location)

    def _question(
        self, location: str, api: DagsterCloudApi, args: object, timeout: float
    ) -> Question:
        now = self.control.clock()
        return Question(
            location=location, api=api.value, args=args, asked_at=now, deadline=now + timeout
        )

    def note_launched(
        self, deployment: Deployment, location: str, response: DagsterCloudApiErrorResponse
    ) -> None:
        """Keep that a launch failed, if the reason is that the code server is away."""
        with suppress(LocationNotFoundError):
            asked = self.control.locations.get(SYSTEM, deployment, location)
            self._note(deployment, asked, response)

    def _note(
        self, deployment: Deployment, asked: Location, response: DagsterCloudApiResponse
    ) -> None:
        """Keep whether the agent could reach the code server."""
        statuses = self.control.statuses
        if isinstance(response, DagsterCloudApiGrpcResponse):
            statuses.note_answered(SYSTEM, deployment, asked)
        elif _is_unreachable(response):
            said = one_line(response.error_infos[0])[:_SHOWN_CHARACTERS]
            reason = f"Its agent cannot reach its code server: {said}"
            statuses.note_refused(SYSTEM, deployment, asked, reason)

    def _work(
        self, deployment: Deployment, api: DagsterCloudApi, args: object, run: DagsterRun
    ) -> Work:
        location = location_of_run(run)
        return Work(
            api=api.value,
            args=args,
            queue=self.control.locations.get(SYSTEM, deployment, location).queue,
            lifetime_seconds=_LAUNCH_LIFETIME_SECONDS,
            location=location,
            run_id=run.run_id,
        )


def location_of_run(run: DagsterRun) -> str:
    """The code location that a run belongs to."""
    if run.remote_job_origin is None:
        msg = (
            f"Run {run.run_id} belongs to no code location, so no agent can execute it. "
            "Launch it from a deployed location."
        )
        raise DagsterUserCodeUnreachableError(msg)
    return run.remote_job_origin.location_name


def _max_runtime(run: DagsterRun) -> float | None:
    """The limit in a run's tags, in seconds; ``None`` where it has none that can be read."""
    text = run.tags.get(MAX_RUNTIME_SECONDS_TAG, run.tags.get("dagster/max_runtime_seconds"))
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _response_text(response: DagsterCloudApiResponse, api: DagsterCloudApi, location: str) -> str:
    if isinstance(response, DagsterCloudApiGrpcResponse):
        return response.serialized_response_or_error
    if isinstance(response, DagsterCloudApiErrorResponse):
        msg = f"The agent could not ask code location {location!r}: {_first(response.error_infos)}"
        raise DagsterUserCodeUnreachableError(msg)
    msg = f"The agent is too old to know {api.value}. Upgrade the agent of location {location!r}."
    raise DagsterUserCodeUnreachableError(msg)


def _is_unreachable(
    response: DagsterCloudApiResponse,
) -> TypeGuard[DagsterCloudApiErrorResponse]:
    """Whether the code server is gone, frozen or in error; one that is only slow is not."""
    if not isinstance(response, DagsterCloudApiErrorResponse):
        return False
    texts = [text for each in response.error_infos for text in _messages(each)]
    return any(mark in text for text in texts for mark in _UNREACHABLE)


def _messages(error: SerializableErrorInfo | None) -> Iterator[str]:
    while error is not None:
        yield error.message
        error = error.cause


def _first(errors: Sequence[Any]) -> str:
    return str(errors[0].message).strip() if errors else "it gave no reason"
