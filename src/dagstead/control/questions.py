"""Questions to the code of a location, answered by an agent that has its code server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.control.statuses import status_now
from dagstead.control.survey import Survey
from dagstead.control.work import Work, submit
from dagstead.errors import LocationNotFoundError, NoAnswerError
from dagstead.plane.deployments import Deployment
from dagstead.plane.location_status import Condition, LocationStatus, is_settled, status_of
from dagstead.plane.locations import LoadState, Location
from dagstead.plane.numbers import SCALED_SECONDS
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import TICKS, RequestAnswer
from dagstead.plane.tallies import TallyKind

#: A code server that is being restarted may be back by then.
_GRACE_SECONDS = 3.0
#: How often to check whether the location can still be called.
_LOOK_SECONDS = 2.0
#: How long, and how often, to wait for an agent that puts a code server to work.
_REPEAT_SECONDS = 0.5
_MOST_REPEATS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A call on the code of a location."""

    location: str
    api: str
    #: What the API takes: an object of the official packages.
    args: object
    #: When the caller began to wait, and when it stops, in seconds since 1970.
    asked_at: float
    deadline: float
    #: The tokens of agents that were asked before, and could not reach its code server.
    refused_by: frozenset[int] = frozenset()
    #: How often it was asked before of a location that had changed just then.
    repeats: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The agent's answer, as it arrived."""

    text: str
    #: The location as it was at the time of the question.
    asked: Location
    #: What to ask next, should the agent have failed to reach the code server: another agent that
    #: has the code, or the same one again.
    otherwise: Question | None


@dataclass(frozen=True, slots=True)
class Questions:
    """Acts that wait for the answer of an agent."""

    _backend: Backend

    def ask(self, actor: Actor, deployment: Deployment, question: Question) -> Answer:
        """Queue a question, and wait for its answer.

        Raises:
            LocationNotFoundError: with the names that exist.
            NoAnswerError: when no agent serves the queue, or none answers in time; or when
                everything is paused.
        """
        actor.require_system("Asking the code of a location")
        self._require_no_pause()
        if question.repeats:
            with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
                listener.wait(_REPEAT_SECONDS)
        location = self._once_usable(deployment, question)
        roster = Roster.of(self._backend)
        work = Work(
            api=question.api,
            args=question.args,
            queue=location.queue,
            lifetime_seconds=max(question.deadline - self._backend.now(), 0.0),
            location=location.name,
            for_token=roster.token_for(deployment, location, question.refused_by),
        )
        request_id = submit(self._backend, deployment, work)
        # Listen before the ring, so that the answer cannot be missed.
        with self._backend.bell.listen(bell.answered(request_id)) as listener:
            self._backend.bell.ring(bell.queue(work.queue))
            answer = self._wait(request_id, deployment, location, question, listener)
        otherwise = self._otherwise(deployment, location, question, answer)
        return Answer(text=answer.text, asked=location, otherwise=otherwise)

    def require_usable(self, actor: Actor, deployment: Deployment, question: Question) -> None:
        """Refuse a question whose answer is known, where it would be refused when it was asked.

        Raises:
            LocationNotFoundError: with the names that exist.
            NoAnswerError: when it is known that nobody can answer.
        """
        actor.require_system("Asking the code of a location")
        self._require_no_pause()
        self._once_usable(deployment, question)

    def _require_no_pause(self) -> None:
        pause = self._backend.store.properties.pause()
        if pause is not None and pause.everything:
            raise NoAnswerError(pause.refusal)

    def _otherwise(
        self, deployment: Deployment, location: Location, question: Question, answer: RequestAnswer
    ) -> Question | None:
        if answer.token_id is not None:
            refused_by = question.refused_by | {answer.token_id}
            if Roster.of(self._backend).token_for(deployment, location, refused_by) is not None:
                return replace(question, refused_by=refused_by)
        if question.repeats == _MOST_REPEATS or is_settled(location, self._backend.now()):
            return None
        return replace(question, refused_by=frozenset(), repeats=question.repeats + 1)

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

    def _once_usable(self, deployment: Deployment, question: Question) -> Location:
        """The location, once its code can be called.

        While it returns to its live version after a failed release, an agent may answer with the
        code of that release.

        Raises:
            NoAnswerError: when its code cannot be called, and will not be in a moment.
        """
        start = self._backend.now()
        with self._backend.bell.listen(bell.locations(deployment.name)) as listener:
            while True:
                row = self._backend.store.locations.get(deployment.name, question.location)
                now = self._backend.now()
                if now >= question.deadline:
                    return row
                status = status_now(self._backend, deployment, row)
                may_answer = self._may_answer(row, status, question)
                if not may_answer and now - start >= _GRACE_SECONDS:
                    raise NoAnswerError(self._refusal(deployment, row, status))
                if status.is_usable and not row.is_returning:
                    return row
                listener.wait(bell.LOOK_SECONDS)

    def _may_answer(self, location: Location, status: LocationStatus, question: Question) -> bool:
        """Whether an agent can be expected to answer.

        Where nobody serves the queue, one can as long as somebody starts and stops its agents.
        """
        if status.is_usable:
            return True
        if status.condition is not Condition.UNSERVED:
            return False
        calls = self._backend.store.queue_calls
        calls.missed(ORGANIZATION, location.queue)
        if question.api in TICKS:
            return False
        scaled_at = calls.of(ORGANIZATION, location.queue).scaled_at
        return scaled_at is not None and self._backend.now() - scaled_at < SCALED_SECONDS

    def _wait(
        self,
        request_id: str,
        deployment: Deployment,
        location: Location,
        question: Question,
        listener: bell.Listener,
    ) -> RequestAnswer:
        store = self._backend.store
        look_at = self._backend.now() + _LOOK_SECONDS
        while (now := self._backend.now()) < question.deadline:
            answer = store.requests.get_answer(deployment.name, request_id)
            if answer is not None:
                return answer
            if now >= look_at:
                look_at = now + _LOOK_SECONDS
                status = self._status(deployment, location)
                if status is not None and not self._may_answer(location, status, question):
                    self._expire(deployment, location, request_id)
                    raise NoAnswerError(self._refusal(deployment, location, status))
            listener.wait(bell.LOOK_SECONDS)
        status = self._status(deployment, location)
        if status is not None and not status.is_usable:
            self._expire(deployment, location, request_id)
            raise NoAnswerError(self._refusal(deployment, location, status))
        # An expired request does not say who had taken it.
        request = store.waits.requests(ORGANIZATION, [request_id]).get(request_id)
        survey = Survey.of(self._backend)
        why = "" if request is None else f" {survey.request(deployment, request).in_full}"
        self._expire(deployment, location, request_id)
        raise NoAnswerError(
            f"No answer from code location {location.name!r} in {now - question.asked_at:.0f} "
            f"seconds.{why}"
        )

    def _expire(self, deployment: Deployment, location: Location, request_id: str) -> None:
        """Nobody waits for the answer any more."""
        self._backend.store.requests.expire(deployment.name, [request_id])
        self._backend.store.tallies.tally.count(TallyKind.EXPIRED, location.queue)

    def _status(self, deployment: Deployment, location: Location) -> LocationStatus | None:
        """The status now; ``None`` of a location that was removed meanwhile."""
        try:
            row = self._backend.store.locations.get(deployment.name, location.name)
        except LocationNotFoundError:
            return None
        return status_now(self._backend, deployment, row)

    def _refusal(self, deployment: Deployment, location: Location, status: LocationStatus) -> str:
        """The state of a location whose code cannot be called, and why it is so."""
        survey = Survey.of(self._backend)
        row = survey.locations(deployment).get(location.name, location)
        reason = survey.location(deployment, row)
        if reason.is_waiting:
            now = status_of(survey.roster.facts(deployment, row))
            return f"{location.name!r}: {now}. {reason.in_full}"
        # It is mended by now.
        said = status.reason or location.notice or "Its newest load has failed: see its error."
        return f"{location.name!r}: {status}. {said}"
