"""A control plane that is administered, however it is reached: over HTTP, or in its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dagstead.client.agents import ListedAgent, ListedCaller
    from dagstead.client.alerts import AlertBoard, ListedDelivery, ListedSilence
    from dagstead.client.deployments import DeletedDeployment, ListedDeployment
    from dagstead.client.locations import ListedLocation
    from dagstead.client.parts import ListedPart
    from dagstead.client.releases import Release, RollbackPlan
    from dagstead.client.secrets import ListedSecret
    from dagstead.client.trail import TrailCheck
    from dagstead.plane.ci_logins import NewPins, Pin
    from dagstead.plane.comparisons import Comparison
    from dagstead.plane.master_keys import KeyReport
    from dagstead.plane.new_tokens import NewToken
    from dagstead.plane.problems import Problem
    from dagstead.plane.queue_views import QueueView
    from dagstead.plane.queues import QueueChange
    from dagstead.plane.reasons import RunWaits, SubjectReason
    from dagstead.plane.rotations import RotatedToken, Rotation
    from dagstead.plane.secrets import SecretTarget
    from dagstead.plane.sign_ins import NewLink
    from dagstead.plane.storage import StorageReport
    from dagstead.plane.tokens import IssuedToken, Token
    from dagstead.plane.trail import Head, TrailFilter
    from dagstead.plane.trust import NewPolicy, Policy


class TokenActs(Protocol):
    """Acts on tokens."""

    def all(self, *, useless: bool) -> list[Token]:
        """The tokens, oldest first; with ``useless``, revoked and expired ones as well."""

    def issue(self, new: NewToken) -> IssuedToken:
        """Create a token."""

    def revoke(self, token_id: int) -> Token:
        """Revoke a token."""

    def rotate(self, token_id: int, rotation: Rotation) -> RotatedToken:
        """Give a token a new secret."""

    def sign_in_link(self) -> NewLink:
        """Make a sign-in link."""

    def sign_out(self, token_id: int) -> int:
        """End all sessions of a token, and return how many there were."""


class TrustActs(Protocol):
    """Acts on trust policies."""

    def all(self) -> list[Policy]:
        """All policies, oldest first."""

    def add(self, new: NewPolicy) -> Policy:
        """Add a policy."""

    def remove(self, policy_id: int) -> None:
        """Remove a policy."""

    def pins(self) -> list[Pin]:
        """The numbers of repositories and owners, by issuer and path."""

    def pin(self, pinned: NewPins) -> list[Pin]:
        """Pin other numbers."""


class DeploymentActs(Protocol):
    """Acts on deployments."""

    def all(self) -> list[ListedDeployment]:
        """The deployments, by name."""

    def require(self, name: str) -> None:
        """Refuse a name that is not the name of a deployment."""

    def create(self, name: str) -> None:
        """Create a full deployment."""

    def runs_under_way(self, name: str) -> list[str]:
        """The runs that a deletion would end."""

    def delete(self, name: str) -> DeletedDeployment:
        """End the runs of a deployment, and delete it with everything that is stored for it."""

    def settings(self, name: str) -> Mapping[str, Any]:
        """The settings of a deployment."""

    def ignored_settings(self, name: str) -> Sequence[str]:
        """The settings of a deployment that have no effect, with the reason."""

    def compare(self, name: str) -> Comparison:
        """What the code of a branch deployment changes."""

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        """Replace the settings of a deployment."""


class AgentActs(Protocol):
    """Acts on agents."""

    def all(self) -> list[ListedAgent]:
        """The agents that have sent heartbeats."""

    def refused(self) -> list[ListedCaller]:
        """Callers that were refused; the one seen last comes first."""

    def forget(self, agent_id: str) -> str:
        """Forget an agent that no longer sends heartbeats, and return its name."""


class LocationViews(Protocol):
    """Views of code locations."""

    def all(self, deployment: str | None = None) -> list[ListedLocation]:
        """The locations of a deployment, or of all deployments."""


class PartViews(Protocol):
    """Views of the parts of the control plane."""

    def all(self) -> list[ListedPart]:
        """How each part is."""

    def problems(self) -> list[Problem]:
        """What is wrong now, the worst first."""


class PauseActs(Protocol):
    """Acts on the pause of the control plane."""

    def begin(self, *, everything: bool) -> bool:
        """Begin a pause; returns whether it is new, or stops more than the one before."""

    def end(self) -> bool:
        """End it; returns whether there was one."""


class QueueActs(Protocol):
    """Acts on queues, and views of them."""

    def all(self) -> list[QueueView]:
        """Every queue, the default queue first."""

    def get(self, name: str | None) -> QueueView:
        """One queue."""

    def set(self, name: str | None, change: QueueChange) -> QueueView:
        """Change a queue."""

    def pause(self, name: str | None, note: str | None, until: float | None) -> QueueView:
        """Pause a queue."""

    def resume(self, name: str | None) -> bool:
        """End the pause of a queue; returns whether there was one."""

    def remove(self, name: str | None) -> None:
        """Forget what was said of a queue."""


class AlertActs(Protocol):
    """Acts on the alert policies of a deployment, and views of them."""

    def board(self, deliveries: int) -> AlertBoard:
        """Everything, with so many messages."""

    def document(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """One of the two documents."""

    def delivery(self, delivery_id: str) -> ListedDelivery:
        """One message."""

    def sync(self, kind: str, document: object) -> list[str]:
        """Replace one of the two documents; the names of its policies."""

    def test(self, name: str) -> ListedDelivery:
        """Have a message sent that tries a policy."""

    def silence(self, name: str | None, until: float, note: str | None) -> ListedSilence:
        """Have nothing sent for a time."""

    def end_silence(self, silence_id: int) -> None:
        """End a silence."""


class ReleaseActs(Protocol):
    """Acts on the releases of a deployment."""

    def newest(self, limit: int | None = None) -> list[Release]:
        """Releases, newest first."""

    def show(self, number: int) -> Release:
        """The current state of a release."""

    def end(self, number: int, reason: str) -> Release:
        """End a release that is loading."""

    def plan_rollback(self, number: int | None, *, whole_deployment: bool) -> RollbackPlan:
        """What a rollback would change now."""

    def roll_back(
        self,
        number: int | None,
        *,
        whole_deployment: bool = False,
        confirmed: Sequence[str] | None = None,
    ) -> Release:
        """Undo one release, or return the whole deployment to one."""


class StorageActs(Protocol):
    """Acts on what is stored."""

    def report(self) -> StorageReport:
        """What is stored, and what the next sweep removes."""

    def sweep(self) -> StorageReport:
        """Remove it now; what is left, and what was removed."""


class SecretActs(Protocol):
    """Acts on secrets."""

    def all(self, deployment: str | None = None, *, values: bool = False) -> list[ListedSecret]:
        """The secrets of a deployment, or of all; with ``values`` where they may be seen."""

    def set(self, name: str, value: str, target: SecretTarget) -> None:
        """Set a secret."""

    def remove(self, name: str, target: SecretTarget) -> int:
        """Remove a secret; returns from how many places."""

    def key(self) -> KeyReport:
        """The master keys in use."""

    def rotate_key(self, *, lost: bool) -> KeyReport:
        """Have everything encrypted with a new master key."""


class TrailViews(Protocol):
    """Views of who did what."""

    def find(self, wanted: TrailFilter) -> list[Mapping[str, Any]]:
        """Rows, the newest first, as the chain has them."""

    def verify(self, noted: Head | None) -> TrailCheck:
        """Whether the chain is whole."""


class ReasonViews(Protocol):
    """Views of why something waits."""

    def why(self, name: str, deployment: str | None = None) -> SubjectReason:
        """Why a run, a location or a request waits."""

    def waiting_runs(self) -> RunWaits:
        """The runs that have not started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Administration:
    """One control plane, however it is reached."""

    #: The address that people and agents use.
    url: str
    tokens: TokenActs
    trust: TrustActs
    deployments: DeploymentActs
    agents: AgentActs
    locations: LocationViews
    parts: PartViews
    pauses: PauseActs
    queues: QueueActs
    storage: StorageActs
    secrets: SecretActs
    trail: TrailViews
    reasons: ReasonViews
    #: By deployment; ``None`` means the first one.
    alerts: Callable[[str | None], AlertActs]
    releases: Callable[[str | None], ReleaseActs]
