"""Why no agent takes the work of a location, from everything that is known of agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from dagstead.control.roster import Roster
from dagstead.model.queues import describe_queue, name_queue
from dagstead.plane.agents import Heartbeat, of_deployment
from dagstead.plane.deployments import Deployment
from dagstead.plane.reasons import Mend, Reason, ReasonCode, written
from dagstead.plane.tokens import Token
from dagstead.routing import routes
from dagstead.routing.wording import UnservedReason

_CODES = {
    None: ReasonCode.UNSERVED_QUEUE,
    routes.Reason.QUEUE: ReasonCode.UNSERVED_QUEUE,
    routes.Reason.NOT_ALLOWED: ReasonCode.NOT_ALLOWED,
    routes.Reason.DEPLOYMENT: ReasonCode.DEPLOYMENT_UNSERVED,
    routes.Reason.BRANCH_DEPLOYMENTS: ReasonCode.DEPLOYMENT_UNSERVED,
}
#: More names make a sentence unreadable.
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Absences:
    """Why queues are not served, at the time of a roster."""

    roster: Roster

    def of(self, deployment: Deployment, location: str | None, queue: str | None) -> Reason | None:
        """Why nobody takes the work of a location; ``None`` when somebody does, or may soon.

        Args:
            deployment: of the location.
            location: its name; ``None`` for work that concerns none, such as a check for deploys.
            queue: of the work.
        """
        lack = self.roster.lack(deployment, location or "", queue)
        if lack is None or (location is None and lack.because is routes.Reason.NOT_ALLOWED):
            return None
        reason = self._ungranted(deployment, queue) or self._down(deployment, location, queue)
        return reason or _unserved(lack, queue)

    def _ungranted(self, deployment: Deployment, queue: str | None) -> Reason | None:
        """A live agent asks for the queue, and its token does not grant it."""
        asking = [
            beat
            for beat in self.roster.alive(deployment)
            if describe_queue(queue) in _refused_queues(beat)
        ]
        if not asking:
            return None
        token = self._token(asking[0].token_id)
        by = "its token" if token is None else f"its token {token.name!r}"
        return Reason(
            code=ReasonCode.NOT_GRANTED,
            about=describe_queue(queue),
            says=f"Agent {_names(asking)} asks for {name_queue(queue)}, and {by} does not grant "
            "it.",
            since=min(beat.first_received_at for beat in asking),
            mend=Mend(
                says="Give the agent a token that grants the queue.", command=_new_token(queue)
            ),
        )

    def _down(
        self, deployment: Deployment, location: str | None, queue: str | None
    ) -> Reason | None:
        """The agents that would serve it are silent."""
        beats = of_deployment(self.roster.listed(), deployment.name, is_branch=deployment.is_branch)
        missed = [
            beat
            for beat in beats
            if self.roster.would_serve(deployment, location or "", queue, beat)
            or (location is None and queue in beat.queues)
        ]
        if not missed:
            return None
        last = max(missed, key=self.roster.heard_at)
        since = self.roster.heard_at(last)
        one = len(missed) == 1
        names = f"Agent {_names(missed)}" if one else f"The agents {_names(missed)}"
        are = "has not been heard of" if one else "have not been heard of"
        token = self._token(last.token_id)
        says = f"{names} would serve {name_queue(queue)} and {are} since {written(since)}."
        mend = Mend(
            says="Start it; its own log says why it stopped.", command="dagstead agent list"
        )
        if token is not None and token.revoked_at is not None:
            says = (
                f"{says[:-1]}: its token {token.name!r} was revoked at {written(token.revoked_at)}."
            )
            mend = Mend(says="Give it a new token.", command=_new_token(queue))
        elif token is not None and not token.is_valid_at(self.roster.presence.now):
            says = f"{says[:-1]}: its token {token.name!r} has expired."
            mend = Mend(
                says="Give it a new secret.", command=f"dagstead token rotate {quote(token.name)}"
            )
        return Reason(
            code=ReasonCode.AGENTS_DOWN,
            about=describe_queue(queue),
            says=says,
            since=since,
            mend=mend,
        )

    def _token(self, token_id: int) -> Token | None:
        return next((token for token in self.roster.tokens if token.id == token_id), None)


def _unserved(lack: UnservedReason, queue: str | None) -> Reason:
    command = "dagstead agent list"
    if lack.because is None:
        command = _new_token(queue)
    return Reason(
        code=_CODES.get(lack.because, ReasonCode.UNSERVED_QUEUE),
        about=describe_queue(queue),
        says=f"{lack.message}.",
        mend=Mend(says=lack.next_step, command=command),
    )


def _new_token(queue: str | None) -> str:
    which = "" if queue is None else f" --queue {quote(queue)}"
    return f"dagstead token create --kind agent --name NAME{which}"


def _refused_queues(beat: Heartbeat) -> Sequence[str]:
    refused = beat.metadata.get("refused_queues")
    return refused if isinstance(refused, list) else ()


def _names(beats: Sequence[Heartbeat]) -> str:
    names = list(dict.fromkeys(repr(beat.label or beat.agent_id) for beat in beats))
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown
