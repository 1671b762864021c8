"""Agents as a whole: what each is, gets and does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.agents import AgentView, views_of
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.plane.agent_cards import AgentCard, AgentRun, AgentServer, image_of, utilization_of
from dagstead.plane.agents import Heartbeat
from dagstead.plane.launches import Launch
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.reasons import written
from dagstead.plane.tokens import Token

#: Of the text of an error, and of errors.
_MOST_SHOWN = 2_000
_MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class AgentCards:
    """Views of agents."""

    _backend: Backend

    def cards(self, actor: Actor) -> Sequence[AgentCard]:
        """The agents of the deployments that the actor may see: live ones, and those missed.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole("listing agents")
        actor.refuse_code("Listing agents")
        roster = Roster.of(self._backend)
        seen = views_of(self._backend, actor, roster)
        names = {beat.deployment for _, beats in seen for beat in beats}
        begun = self._backend.store.waits.begun(ORGANIZATION)
        runs = _by_agent(launch for launch in begun if launch.deployment in names)
        tokens = {token.id: token for token in roster.tokens} if actor.is_unlimited else {}
        return [self._card(roster, view, beats, runs, tokens) for view, beats in seen]

    def _card(
        self,
        roster: Roster,
        view: AgentView,
        beats: Sequence[Heartbeat],
        runs: Mapping[str, Sequence[Launch]],
        tokens: Mapping[int, Token],
    ) -> AgentCard:
        newest = beats[0]
        token = tokens.get(newest.token_id)
        refused = newest.metadata.get("refused_queues")
        return AgentCard(
            id=view.id,
            label=view.label,
            status=view.status,
            type=view.type,
            version=view.version,
            image=image_of(newest.metadata),
            is_pool=newest.is_pool,
            queues=view.agent.queues,
            refused_queues=tuple(map(str, refused)) if isinstance(refused, list) else (),
            deployments=view.deployments,
            branch_deployments=view.branch_deployments,
            token=view.token,
            token_fault=None if token is None else _fault(token, roster.presence.now),
            first_heartbeat=min(beat.first_received_at for beat in beats),
            last_heartbeat=newest.received_at,
            heard_at=max(map(roster.heard_at, beats)),
            is_busy_loading=roster.presence.is_busy_loading(newest.token_id),
            errors=self._errors(beats),
            servers=[
                AgentServer(
                    deployment=beat.deployment,
                    location=server.location,
                    state=server.state,
                    error=server.error,
                )
                for beat in beats
                for server in beat.servers
            ],
            runs=[
                AgentRun(
                    deployment=launch.deployment,
                    run_id=launch.run_id,
                    location=launch.location,
                    begun_at=launch.begun_at,
                )
                for launch in runs.get(newest.agent_id, ())
                if launch.is_with(newest.key)
            ],
            utilization=utilization_of(newest.metadata),
        )

    def _errors(self, beats: Sequence[Heartbeat]) -> Sequence[str]:
        """The newest first; every heartbeat of an agent has the same."""
        given = dict.fromkeys(error for beat in beats for error in reversed(beat.errors))
        shown = list(given)[:_MOST_ERRORS]
        read = self._backend.orchestration.agent_error
        return [read(error)[:_MOST_SHOWN] for error in shown]


def _by_agent(launches: Iterable[Launch]) -> Mapping[str, Sequence[Launch]]:
    found: dict[str, list[Launch]] = defaultdict(list)
    for launch in launches:
        found[str(launch.begun_by)].append(launch)
    return found


def _fault(token: Token, now: float) -> str | None:
    if token.revoked_at is not None:
        return f"It was revoked at {written(token.revoked_at)}."
    if token.expires_at is not None and token.expires_at <= now:
        return f"It expired at {written(token.expires_at)}."
    return None
