"""Asking the code of a location, through whichever agent serves its queue."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.serving import why_unserved
from dagstead.control.submitting import Work, submit
from dagstead.errors import NoAnswerError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import LoadState, Location

#: An agent that reconnects after a server restart needs up to 16 seconds to be heard of again.
_WAIT_FOR_AN_AGENT_SECONDS = 20.0
#: How often it is then asked whether there is an agent at all.
_ASK_WHY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of a location's code."""

    location: str
    api: str
    #: What the API takes: an object of the official packages.
    args: object
    #: When nobody needs the answer any more, seconds since 1970.
    deadline: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the agent sent, as it came."""

    text: str
    #: The location as it was when it was asked.
    asked: Location


@dataclass(frozen=True, slots=True)
class Asking:
    """Acts that wait for an agent."""

    _backend: Backend

    def ask(self, actor: Actor, deployment: Deployment, question: Question) -> Answer:
        """Ask, and wait for the answer.

        Raises:
            LocationNotFoundError: with the names that exist.
            NoAnswerError: when no agent serves the queue, or none answers in time.
        """
        actor.require_system("Asking code")
        location = self._once_returned(deployment, question)
        work = Work(
            api=question.api,
            args=question.args,
            queue=location.queue,
            lifetime_seconds=max(question.deadline - self._backend.now(), 0.0),
            location=location.name,
        )
        request_id = submit(self._backend, deployment, work)
        # From before an agent can answer.
        with self._backend.bell.listen(bell.answered(request_id)) as listener:
            self._backend.bell.ring(bell.queue(deployment.name, work.queue))
            text = self._wait(request_id, deployment, work, listener)
        return Answer(text=text, asked=location)

    def has_changed(
        self, actor: Actor, deployment: Deployment, asked: Location, deadline: float
    ) -> bool:
        """Wait until agents are done with a location; whether it has changed since it was asked.

        The official agent stops the code server that it had when a new one does not come up, and
        answers with the new one's error until it has gone back to what is live.
        """
        actor.require_system("Asking code")
        with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
            while self._backend.now() < deadline:
                row = self._backend.store.locations.get(deployment.name, asked.name)
                if row.open_release is None and row.state is not LoadState.LOADING:
                    return row.version != asked.version
                listener.wait(bell.LOOK_SECONDS)
        return False

    def _once_returned(self, deployment: Deployment, question: Question) -> Location:
        """The location, once it is back on what is live after a release that failed.

        Until then the agent may answer with the code of that release.
        """
        with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
            while True:
                row = self._backend.store.locations.get(deployment.name, question.location)
                if not row.is_returning or self._backend.now() >= question.deadline:
                    return row
                listener.wait(bell.LOOK_SECONDS)

    def _wait(
        self, request_id: str, deployment: Deployment, work: Work, listener: bell.Listener
    ) -> str:
        store = self._backend.store
        start = self._backend.now()
        ask_why_at = _WAIT_FOR_AN_AGENT_SECONDS
        while (waited := self._backend.now() - start) < work.lifetime_seconds:
            answer = store.requests.get_answer(deployment.name, request_id)
            if answer is not None:
                return answer
            if waited >= ask_why_at:
                ask_why_at = waited + _ASK_WHY_SECONDS
                reason = self._why_unserved(deployment, work)
                if reason:
                    store.requests.expire(deployment.name, [request_id])
                    raise NoAnswerError(f"{work.location!r}: {reason}")
            listener.wait(bell.LOOK_SECONDS)
        store.requests.expire(deployment.name, [request_id])
        reason = self._why_unserved(deployment, work) or (
            "An agent serves its queue and did not answer. Its code server may still be starting: "
            "look at the agent's log."
        )
        raise NoAnswerError(
            f"No answer from code location {work.location!r} in {work.lifetime_seconds:.0f} "
            f"seconds. {reason}"
        )

    def _why_unserved(self, deployment: Deployment, work: Work) -> str | None:
        return why_unserved(self._backend, deployment, str(work.location), work.queue)
