"""Administer a control plane in its own folder, by calling the acts of ``control`` directly.

This is for the first token and for emergencies, when no server answers. Whoever may write to the
folder may do everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dagstead.cli.control_plane import Administration
from dagstead.cli.local_alerts import LocalAlerts
from dagstead.cli.local_queues import LocalQueues
from dagstead.cli.local_releases import LocalReleases
from dagstead.cli.local_secrets import LocalSecrets
from dagstead.cli.local_trail import LocalTrail
from dagstead.client.agents import ListedAgent, ListedCaller
from dagstead.client.deployments import DeletedDeployment, ListedDeployment
from dagstead.client.locations import ListedLocation
from dagstead.client.parts import ListedPart
from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.control.statuses import StatedLocation
from dagstead.model.retention import Retention
from dagstead.plane.ci_logins import NewPins, Pin
from dagstead.plane.comparisons import Comparison
from dagstead.plane.deployments import Deployment
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.problems import Problem
from dagstead.plane.reasons import RunWaits, SubjectReason
from dagstead.plane.rotations import RotatedToken, Rotation
from dagstead.plane.sign_ins import NewLink
from dagstead.plane.storage import StorageReport
from dagstead.plane.tokens import IssuedToken, Token
from dagstead.plane.trust import NewPolicy, Policy
from dagstead.server.first_start import first_deployment as first
from dagstead.server.services import existing_control
from dagstead.server.settings import Settings


@contextmanager
def local_administration(settings: Settings) -> Iterator[Administration]:
    """The control plane of these settings.

    Raises:
        ConfigurationError: when it does not exist.
    """
    with existing_control(settings) as control:
        yield Administration(
            url=settings.base_url,
            tokens=_Tokens(control, settings.organization),
            trust=_TrustPolicies(control, settings.loopback_issuers),
            deployments=_Deployments(control),
            agents=_Agents(control),
            locations=_Locations(control),
            parts=_Parts(control),
            pauses=_Pauses(control),
            queues=LocalQueues(control),
            storage=_Storage(control, settings.retention),
            secrets=LocalSecrets(control),
            trail=LocalTrail(control),
            reasons=_Reasons(control),
            alerts=lambda deployment: LocalAlerts(
                control, control.deployments.named(COMMAND_LINE, deployment or first(control))
            ),
            releases=lambda deployment: LocalReleases(
                control, control.deployments.named(COMMAND_LINE, deployment or first(control))
            ),
        )


@dataclass(frozen=True, slots=True)
class _Tokens:
    _control: Control
    _organization: str

    def all(self, *, useless: bool) -> list[Token]:
        now = self._control.clock()
        every = self._control.tokens.all(COMMAND_LINE)
        return [each for each in every if useless or each.is_valid_at(now)]

    def issue(self, new: NewToken) -> IssuedToken:
        grant = new.grant(self._control.clock())
        return self._control.tokens.issue(
            COMMAND_LINE, new.name, new.kind, grant, self._organization
        )

    def revoke(self, token_id: int) -> Token:
        return self._control.tokens.revoke(COMMAND_LINE, token_id)

    def rotate(self, token_id: int, rotation: Rotation) -> RotatedToken:
        return self._control.tokens.rotate(COMMAND_LINE, token_id, rotation, self._organization)

    def sign_in_link(self) -> NewLink:
        return self._control.sign_ins.new_link(COMMAND_LINE)

    def sign_out(self, token_id: int) -> int:
        return self._control.sign_ins.end_all(COMMAND_LINE, token_id)


@dataclass(frozen=True, slots=True)
class _TrustPolicies:
    _control: Control
    _loopback: bool

    def all(self) -> list[Policy]:
        return self._control.trust.all(COMMAND_LINE)

    def add(self, new: NewPolicy) -> Policy:
        return self._control.trust.add(COMMAND_LINE, new, loopback=self._loopback)

    def remove(self, policy_id: int) -> None:
        self._control.trust.remove(COMMAND_LINE, policy_id)

    def pins(self) -> list[Pin]:
        return self._control.trust.pins(COMMAND_LINE)

    def pin(self, pinned: NewPins) -> list[Pin]:
        return self._control.trust.pin(COMMAND_LINE, pinned, loopback=self._loopback)


@dataclass(frozen=True, slots=True)
class _Deployments:
    _control: Control

    def all(self) -> list[ListedDeployment]:
        closes = self._control.branches.closing_times(COMMAND_LINE)
        granted = self._control.deployments.granted(COMMAND_LINE)
        return [self._listed(each, closes.get(each.name)) for each in granted]

    def require(self, name: str) -> None:
        self._named(name)

    def create(self, name: str) -> None:
        self._control.deployments.create(COMMAND_LINE, name)

    def runs_under_way(self, name: str) -> list[str]:
        return self._control.deployments.runs_under_way(COMMAND_LINE, self._named(name))

    def delete(self, name: str) -> DeletedDeployment:
        deletion = self._control.deployments.delete(COMMAND_LINE, self._named(name))
        return DeletedDeployment(ended_runs=deletion.ended, left_runs=deletion.left)

    def settings(self, name: str) -> Mapping[str, Any]:
        return self._named(name).settings

    def ignored_settings(self, name: str) -> Sequence[str]:
        named = self._named(name)
        ignored = self._control.deployments.ignored_settings(COMMAND_LINE, named)
        return [each.reason for each in ignored]

    def compare(self, name: str) -> Comparison:
        return self._control.branches.compare(COMMAND_LINE, self._named(name))

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        self._control.deployments.set_settings(COMMAND_LINE, self._named(name), settings)

    def _named(self, name: str) -> Deployment:
        return self._control.deployments.named(COMMAND_LINE, name)

    def _listed(self, deployment: Deployment, closes_at: float | None) -> ListedDeployment:
        branch = deployment.branch
        return ListedDeployment(
            name=deployment.name,
            is_branch=deployment.is_branch,
            is_closed=deployment.closed,
            closes_at=closes_at,
            repository=branch.repo_name if branch else None,
            branch=branch.branch_name if branch else None,
            locations=len(self._control.locations.all(COMMAND_LINE, deployment)),
            created_at=deployment.created_at,
        )


@dataclass(frozen=True, slots=True)
class _Agents:
    _control: Control

    def all(self) -> list[ListedAgent]:
        return [
            ListedAgent(
                id=each.id,
                label=each.label,
                status=str(each.status),
                queues=each.agent.queues,
                deployments=each.deployments,
                version=each.version,
                type=each.type,
                token=each.token,
                last_heartbeat=each.last_heartbeat,
                errors=each.errors,
            )
            for each in self._control.agents.all(COMMAND_LINE)
        ]

    def refused(self) -> list[ListedCaller]:
        return [
            ListedCaller(
                kind=str(each.kind),
                name=each.name,
                address=each.address,
                reason=each.reason,
                first_at=each.first_at,
                last_at=each.last_at,
                times=each.times,
                mend=each.mend.says,
                command=each.mend.command,
            )
            for each in self._control.callers.refused(COMMAND_LINE)
        ]

    def forget(self, agent_id: str) -> str:
        return self._control.agents.forget_gone(COMMAND_LINE, agent_id)


@dataclass(frozen=True, slots=True)
class _Storage:
    _control: Control
    _retention: Retention

    def report(self) -> StorageReport:
        return self._control.storage.report(COMMAND_LINE, self._retention)

    def sweep(self) -> StorageReport:
        return self._control.storage.sweep(COMMAND_LINE, self._retention)


@dataclass(frozen=True, slots=True)
class _Locations:
    _control: Control

    def all(self, deployment: str | None = None) -> list[ListedLocation]:
        deployments = self._control.deployments
        chosen = (
            deployments.granted(COMMAND_LINE)
            if deployment is None
            else [deployments.named(COMMAND_LINE, deployment)]
        )
        return [
            _listed(stated)
            for one in chosen
            for stated in self._control.statuses.stated(COMMAND_LINE, one)
        ]


@dataclass(frozen=True, slots=True)
class _Reasons:
    _control: Control

    def why(self, name: str, deployment: str | None = None) -> SubjectReason:
        place = None
        if deployment is not None:
            place = self._control.deployments.named(COMMAND_LINE, deployment)
        return self._control.reasons.why(COMMAND_LINE, name, place)

    def waiting_runs(self) -> RunWaits:
        return self._control.reasons.waiting_runs(COMMAND_LINE)


@dataclass(frozen=True, slots=True)
class _Parts:
    _control: Control

    def all(self) -> list[ListedPart]:
        return [
            ListedPart(name=part.name, is_well=part.is_well, says=part.says)
            for part in self._control.health.parts(COMMAND_LINE)
        ]

    def problems(self) -> list[Problem]:
        return list(self._control.overview.problems(COMMAND_LINE))


@dataclass(frozen=True, slots=True)
class _Pauses:
    _control: Control

    def begin(self, *, everything: bool) -> bool:
        return self._control.pauses.begin(COMMAND_LINE, everything=everything)

    def end(self) -> bool:
        return self._control.pauses.end(COMMAND_LINE)


def _listed(stated: StatedLocation) -> ListedLocation:
    # It imports Dagster, which takes seconds.
    from dagstead.engine.location_entries import failure_of

    location, status = stated.location, stated.status
    return ListedLocation(
        deployment=location.deployment,
        name=location.name,
        state=str(status),
        queue=location.queue,
        serves_older_definitions=location.serves_older_definitions,
        deployed_at=location.timestamp,
        failure=failure_of(location, status),
    )
