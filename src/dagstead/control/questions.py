"""Questions to the code of a location, answered by whichever agent serves its queue."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.availability import why_unserved
from dagstead.control.backend import Backend
from dagstead.control.work import Work, submit
from dagstead.errors import NoAnswerError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import LoadState, Location

#: After a restart of the server, an agent needs up to 16 seconds to reconnect.
_WAIT_FOR_AN_AGENT_SECONDS = 20.0
#: After that, how often to check whether any agent serves the queue.
_ASK_WHY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A call on the code of a location."""

    location: str
    api: str
    #: What the API takes: an object of the official packages.
    args: object
    #: When the caller stops waiting, in seconds since 1970.
    deadline: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The agent's answer, as it arrived."""

    text: str
    #: The location as it was at the time of the question.
    asked: Location


@dataclass(frozen=True, slots=True)
class Questions:
    """Acts that wait for the answer of an agent."""

    _backend: Backend

    def ask(self, actor: Actor, deployment: Deployment, question: Question) -> Answer:
        """Queue a question, and wait for its answer.

        Raises:
            LocationNotFoundError: with the names that exist.
            NoAnswerError: when no agent serves the queue, or none answers in time.
        """
        actor.require_system("Asking the code of a location")
        location = self._once_returned(deployment, question)
        start = self._backend.now()
        work = Work(
            api=question.api,
            args=question.args,
            queue=location.queue,
            lifetime_seconds=max(question.deadline - start, 0.0),
            location=location.name,
        )
        request_id = submit(self._backend, deployment, work)
        # Listen before the ring, so that the answer cannot be missed.
        with self._backend.bell.listen(bell.answered(request_id)) as listener:
            self._backend.bell.ring(bell.queue(deployment.name, work.queue))
            text = self._wait(request_id, deployment, work, start, listener)
        return Answer(text=text, asked=location)

    def has_changed(
        self, actor: Actor, deployment: Deployment, asked: Location, deadline: float
    ) -> bool:
        """Wait until no agent is loading a location; return whether it changed since the question.

        When a new code server does not start, the official agent stops the old one too, and answers
        with the error of the new one until it has gone back to the live version.
        """
        actor.require_system("Asking the code of a location")
        with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
            while self._backend.now() < deadline:
                row = self._backend.store.locations.get(deployment.name, asked.name)
                if row.open_release is None and row.state is not LoadState.LOADING:
                    return row.version != asked.version
                listener.wait(bell.LOOK_SECONDS)
        return False

    def _once_returned(self, deployment: Deployment, question: Question) -> Location:
        """The location, once it is back on its live version after a failed release.

        Until then, an agent may answer with the code of the failed release.
        """
        with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
            while True:
                row = self._backend.store.locations.get(deployment.name, question.location)
                if not row.is_returning or self._backend.now() >= question.deadline:
                    return row
                listener.wait(bell.LOOK_SECONDS)

    def _wait(
        self,
        request_id: str,
        deployment: Deployment,
        work: Work,
        start: float,
        listener: bell.Listener,
    ) -> str:
        store = self._backend.store
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
