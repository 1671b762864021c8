"""What the endpoints of this room are built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto

from starlette.requests import Request

from dagstead.agent_api.crowd import HeldCalls
from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.control.memory import MemoryBudget
from dagstead.control.snapshots import Snapshots
from dagstead.control.unpacking import TextKind, definitions
from dagstead.engine.asset_partitions import AssetPartitions
from dagstead.engine.instances import Instances
from dagstead.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from dagstead.plane.deployments import Deployment
from dagstead.plane.given_secrets import GivenSecret
from dagstead.plane.tokens import Token

_THREADS = 32

#: The official clients' header for the deployment that a call is about.
DEPLOYMENT_HEADER = "Dagster-Cloud-Deployment"


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentServices:
    """Passed to every endpoint."""

    instances: Instances
    #: The address under which agents reach this server, without a slash at its end, where the
    #: caller's own is not known.
    base_url: str
    #: A part of the secrets of tokens that are made here.
    organization: str = "dagstead"
    #: Of the server's environment.
    secrets: Sequence[GivenSecret] = ()
    #: What a location's definitions may need.
    definitions: TextKind = field(default_factory=definitions)
    #: Shared with everything else in this process that may need much.
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    #: How long a call is held open that has got nothing, in seconds.
    hold_seconds: float = 0.0
    held: HeldCalls = field(default_factory=HeldCalls)
    #: Whether this process is about to end.
    is_closing: Callable[[], bool] = lambda: False
    asset_partitions: AssetPartitions = field(default_factory=AssetPartitions)
    #: The threads of the endpoints. The UI's threads wait for answers of agents: if agents' calls
    #: shared those, a full pool would block the very answers that it waits for.
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_THREADS, thread_name_prefix="agent-api")
    )

    @property
    def control(self) -> Control:
        """What the control plane does."""
        return self.instances.control


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who calls, and about which deployment."""

    services: AgentServices
    token: Token
    deployment_name: str | None
    #: The address under which the caller reaches this server, without a slash at its end.
    base_url: str
    idempotency_key: str | None = None
    #: Of the client.
    address: str | None = None
    #: The deployment, once it was asked for: every part of a call asks.
    _found: dict[str, Deployment] = field(default_factory=dict, repr=False, compare=False)

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return Actor.holding(self.token, self.address)

    @property
    def control(self) -> Control:
        """What the control plane does."""
        return self.services.control

    @property
    def deployment(self) -> Deployment:
        """The deployment of this call.

        Raises:
            InvalidInputError: when the call names none.
            DeploymentNotFoundError: when there is none of that name.
            ForbiddenError: when the token does not grant it.
        """
        if not self.deployment_name:
            msg = (
                f"This call needs the header {DEPLOYMENT_HEADER}. Set `deployment` under "
                "dagster_cloud_api in the agent's dagster.yaml."
            )
            raise InvalidInputError(msg)
        found = self._found.get(self.deployment_name)
        if found is None:
            found = self.control.deployments.named(self.actor, self.deployment_name)
            self._found[found.name] = found
        return found

    @property
    def snapshots(self) -> Snapshots:
        """The uploaded definitions of the call's deployment."""
        return self.control.files.snapshots(self.actor, self.deployment)

    def snapshots_of(self, location: str) -> Snapshots:
        """Where the definitions are stored that the caller reports of a location."""
        return self.control.load_reports.snapshots(self.actor, self.deployment, location)


class Audience(Enum):
    """Who may call an endpoint."""

    #: The managed pool's agent is one of them.
    AGENTS = auto()
    #: Agents, and user code that a managed pool runs.
    CODE = auto()
    #: Users and the command line as well.
    EVERYBODY = auto()

    def has(self, token: Token) -> bool:
        """Whether the holder of a token is one of them."""
        is_code = token.worker is not None and self is Audience.CODE
        return token.is_agent or is_code or self is Audience.EVERYBODY


def caller_of(
    request: Request, services: AgentServices, audience: Audience = Audience.AGENTS
) -> Caller:
    """Who sent a request that the server has authenticated.

    Args:
        request: whose ``state.token`` and ``state.base_url`` the server has set.
        services: of this room.
        audience: who may call.

    Raises:
        UnauthenticatedError: without a token.
        ForbiddenError: for the token of somebody else.
    """
    token: Token | None = getattr(request.state, "token", None)
    if token is None:
        raise UnauthenticatedError
    if not audience.has(token):
        msg = (
            f"Token {token.name!r} is {token.kind.described}, and only agents may call this. "
            "Create an agent token with `dagstead token create --kind agent`."
        )
        raise ForbiddenError(msg)
    token.require_more_than_deploying(f"{request.scope['path']!r}")
    return Caller(
        services=services,
        token=token,
        deployment_name=request.path_params.get("deployment")
        or request.headers.get(DEPLOYMENT_HEADER),
        address=getattr(request.state, "address", None),
        base_url=getattr(request.state, "base_url", services.base_url),
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
