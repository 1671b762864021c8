"""Looks what fires, and has it sent: what the control plane does by itself for alerts."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.overview import Overview
from dagstead.errors import DagsteadError, StoreAwayError
from dagstead.plane.alert_deliveries import AlertDelivery
from dagstead.plane.alert_events import AlertEvent, EventSubject
from dagstead.plane.alert_news import EndedRuns
from dagstead.plane.alert_policies import StoredPolicy, UnreadablePolicy
from dagstead.plane.alert_states import FiringAlert, PolicyRound, Silence, judge
from dagstead.plane.alerts import (
    Alert,
    of_assets,
    of_ended_run,
    of_failing,
    of_late,
    of_long_run,
    of_problems,
)
from dagstead.plane.deployments import Deployment
from dagstead.plane.leases import LeadershipLostError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.problems import Problem

logger = logging.getLogger(__name__)

_OF_PROBLEMS = frozenset({EventSubject.AGENTS, EventSubject.LOCATIONS})
#: Which ends of runs have to be read for an event.
_ENDS: Mapping[AlertEvent, AlertEvent] = {
    AlertEvent.JOB_FAILURE: AlertEvent.JOB_FAILURE,
    AlertEvent.JOB_SUCCESS: AlertEvent.JOB_SUCCESS,
    AlertEvent.ASSET_MATERIALIZATION_FAILURE: AlertEvent.JOB_FAILURE,
}
#: Of more failed runs in one look, nobody reads which assets they have not made.
_MOST_RUNS_WITH_ASSETS = 200


@dataclass(frozen=True, slots=True)
class AlertWatch:
    """Acts of the daemon that leads."""

    _backend: Backend

    def look(self, actor: Actor) -> int:
        """Look once what fires in all deployments that have policies, and store what is to be sent.

        Returns:
            How many messages there are to send.
        """
        actor.require_system("Looking what alerts are about")
        store = self._backend.store
        deployments = {each.name: each for each in store.deployments.all() if not each.closed}
        every = store.alert_policies.everywhere(ORGANIZATION, deployments)
        broken = {each.deployment for each in every.unreadable}
        policies: dict[str, list[StoredPolicy]] = defaultdict(list)
        for each in every.readable:
            policies[each.deployment].append(each)
        problems = self._problems(actor, policies)
        silences = store.alert_silences.all(ORGANIZATION, policies) if policies else []
        firing = _by_policy(store.alert_outbox.firing(ORGANIZATION, every.numbers))
        made = 0
        for name, own in policies.items():
            look = _Look(
                backend=self._backend,
                deployment=deployments[name],
                policies=own,
                firing=firing,
                silences=silences,
                has_unreadable=name in broken,
            )
            try:
                made += look.run(problems.get(name, ()))
            except (StoreAwayError, LeadershipLostError):
                raise
            except Exception:
                # What one deployment's storage does must not stop the others.
                logger.exception("Could not look what alerts of %s are about", name)
        if made:
            self._backend.bell.ring(bell.alerts())
        return made

    def due(
        self, actor: Actor, besides: Collection[int], limit: int
    ) -> list[tuple[AlertDelivery, StoredPolicy | UnreadablePolicy]]:
        """The messages to send now, one for each policy at most, with the policy as it is now.

        Args:
            actor: sends them.
            besides: the numbers of policies that are left out.
            limit: the most.
        """
        actor.require_system("Sending alerts")
        store = self._backend.store
        found = store.alert_outbox.due(ORGANIZATION, besides, limit)
        policies = {
            number: store.alert_policies.get(ORGANIZATION, number)
            for number in {each.policy_id for each in found}
        }
        return [
            (each, policy) for each in found if (policy := policies[each.policy_id]) is not None
        ]

    def note_sent(self, actor: Actor, delivery: AlertDelivery) -> None:
        """A message has arrived."""
        actor.require_system("Sending alerts")
        self._backend.store.alert_outbox.note_sent(ORGANIZATION, delivery.id)
        self._backend.bell.ring(bell.alerts())

    def note_failed(self, actor: Actor, delivery: AlertDelivery, fault: str) -> bool:
        """A try has failed; returns whether it is tried again."""
        actor.require_system("Sending alerts")
        is_tried = self._backend.store.alert_outbox.note_failed(ORGANIZATION, delivery, fault)
        self._backend.bell.ring(bell.alerts())
        return is_tried

    def purge(self, actor: Actor, older_than_seconds: float) -> int:
        """Remove messages that are neither new nor waiting; how many there were."""
        actor.require_system("Removing old messages about alerts")
        return self._backend.store.alert_outbox.purge(ORGANIZATION, older_than_seconds)

    def _problems(
        self, actor: Actor, policies: Mapping[str, Sequence[StoredPolicy]]
    ) -> Mapping[str, Sequence[Problem]]:
        names = {
            name
            for name, own in policies.items()
            if any(each.policy.subject in _OF_PROBLEMS for each in own)
        }
        return Overview(self._backend).problems_of_each(actor, names) if names else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """One look at one deployment."""

    backend: Backend
    deployment: Deployment
    policies: Sequence[StoredPolicy]
    firing: Mapping[int, Mapping[str, FiringAlert]]
    silences: Sequence[Silence]
    #: Whether there are others, and nobody knows what these want.
    has_unreadable: bool

    def run(self, problems: Iterable[Problem]) -> int:
        """Store what fires; returns how many messages there are to send."""
        ended = self._ended()
        alerts = [*of_problems(problems), *self._of_dagster(ended)]
        rounds = self._rounds(alerts)
        cursors = {str(event): position for event, position in ended.cursors.items()}
        if not rounds and not cursors:
            return 0
        outbox = self.backend.store.alert_outbox
        return len(outbox.note(self.deployment.name, rounds, cursors))

    def _rounds(self, alerts: Sequence[Alert]) -> dict[int, PolicyRound]:
        now = self.backend.now()
        #: What goes to the same place for two policies is sent once.
        sent: set[tuple[str, str]] = set()
        rounds = {}
        for each in self.policies:
            found = judge(
                each.id,
                each.policy,
                [one for one in alerts if not _is_before(one, each)],
                self.firing.get(each.id, {}),
                now=now,
                is_silent=any(one.holds(each.id, now) for one in self.silences),
            )
            found = found.without(sent, each.policy)
            if not found.is_empty:
                rounds[each.id] = found
        return rounds

    def _of_dagster(self, ended: EndedRuns) -> Iterator[Alert]:
        """What only Dagster's storage knows. What cannot be read now is looked at again."""
        for part in (self._of_ended, self._of_long_runs, self._of_automations):
            try:
                yield from part(ended)
            except (StoreAwayError, LeadershipLostError):
                raise
            except DagsteadError as error:
                logger.warning("Alerts of %s: %s", self.deployment.name, error.message)
            except Exception:
                logger.exception("Could not read what alerts of %s need", self.deployment.name)

    def _of_ended(self, ended: EndedRuns) -> Iterator[Alert]:
        for each in ended.runs:
            yield of_ended_run(each.run, has_failed=each.has_failed)
        if not self._wants(AlertEvent.ASSET_MATERIALIZATION_FAILURE):
            return
        failed = [each.run for each in ended.runs if each.has_failed]
        for run in failed[:_MOST_RUNS_WITH_ASSETS]:
            assets = self.backend.orchestration.failed_assets(self.deployment, run.run_id)
            if assets:
                yield of_assets(run, assets)

    def _of_long_runs(self, _ended: EndedRuns) -> Iterator[Alert]:
        shortest = [
            seconds
            for each in self.policies
            if each.policy.is_enabled and (seconds := each.policy.shortest_long_run) is not None
        ]
        if shortest:
            now = self.backend.now()
            before = now - min(shortest)
            for run in self.backend.orchestration.long_runs(self.deployment, before):
                yield of_long_run(run, now)

    def _of_automations(self, _ended: EndedRuns) -> Iterator[Alert]:
        orchestration = self.backend.orchestration
        if self._wants(AlertEvent.TICK_FAILURE):
            yield from map(of_failing, orchestration.failing_automations(self.deployment))
        # In a pause no tick comes, and whoever has paused knows.
        is_paused = self.backend.store.properties.pause() is not None
        if self._wants(AlertEvent.SCHEDULE_LATE) and not is_paused:
            now = self.backend.now()
            late = orchestration.late_schedules(self.deployment, now, is_whole=True)
            yield from map(of_late, late)

    def _ended(self) -> EndedRuns:
        """The runs that have ended since the last look."""
        stored = self.backend.store.alert_outbox.cursors(self.deployment.name)
        wanted = {_ENDS[event] for event in _ENDS if self._wants(event)}
        unwanted = set(stored) - {str(event) for event in wanted}
        if unwanted and not self.has_unreadable:
            # Who wants them later does not want what happened until then.
            self.backend.store.alert_outbox.forget_cursors(self.deployment.name, unwanted)
        if not wanted:
            return EndedRuns()
        after = {event: stored.get(str(event)) for event in sorted(wanted)}
        return self.backend.orchestration.ended_since(self.deployment, after, self.backend.now())

    def _wants(self, *events: AlertEvent) -> bool:
        return any(
            each.policy.is_enabled and not each.policy.events.isdisjoint(events)
            for each in self.policies
        )


def _is_before(alert: Alert, stored: StoredPolicy) -> bool:
    """Whether it happened before the policy was there."""
    return not alert.event.lasts and alert.at is not None and alert.at < stored.created_at


def _by_policy(firing: Iterable[FiringAlert]) -> Mapping[int, Mapping[str, FiringAlert]]:
    found: dict[int, dict[str, FiringAlert]] = defaultdict(dict)
    for each in firing:
        found[each.policy_id][each.key] = each
    return found
