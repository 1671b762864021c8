"""Agents as routing sees them: the sets that decide which locations each will run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.queues import describe_queues
from dagstead.model.source import Position

#: The name of the managed pool where nothing else names it.
POOL_NAME = "managed pool"

#: How long an official agent pauses between two polls, in seconds; half a second by itself. While
#: the server holds its polls open, a short pause costs little.
PAUSE_VARIABLE = "DAGSTER_CLOUD_AGENT_SLEEP_INTERVAL_SECONDS"
PAUSE_SECONDS = "0.1"

#: With it in the environment of run workers, Dagster sends the events of a step's partitions in
#: batches, which are stored at once.
BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
BATCH_SIZE = "100"


class AgentType(StrEnum):
    """Where an agent runs code servers and runs."""

    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    ECS = "ecs"
    LOCAL = "local"


class AgentKind(StrEnum):
    """Whose infrastructure an agent uses, and so what it can run."""

    #: The managed pool: PEX files only.
    POOL = "pool"
    #: An agent in a user's infrastructure: images.
    HYBRID = "hybrid"


class Setting(StrEnum):
    """What may not be known of an agent, because no file that is read says it."""

    #: Which named queues it serves.
    QUEUES = "queues"
    #: Whether it serves the default queue.
    DEFAULT_QUEUE = "default_queue"
    #: Whether it serves branch deployments.
    BRANCH_DEPLOYMENTS = "branch_deployments"


#: The launchers of managed pools that run images, in the words of heartbeats and of files.
POOLS_WITH_IMAGES = frozenset({"DockerPoolLauncher", "Docker"})
#: The launcher of one that surely runs none.
POOL_OF_PROCESSES = "PexUserCodeLauncher"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """One agent. Two with the same sets are the same to routing."""

    name: str
    kind: AgentKind = AgentKind.HYBRID
    #: What it starts code servers with ("Kubernetes", "Docker", ...), ``None`` when unknown.
    launcher: str | None = None
    #: The queues that it asks for; ``None`` is the default queue.
    queues: frozenset[str | None]
    #: The full deployments that it serves; ``None`` is every one.
    deployments: frozenset[str] | None = None
    #: Whether it serves branch deployments: all of them or none.
    branch_deployments: bool = False
    #: For each full deployment in it, the only locations that it accepts there.
    allowed_full: Mapping[str, frozenset[str]] | None = None
    #: The only locations that it accepts in branch deployments; ``None`` is every one.
    allowed_branch: frozenset[str] | None = None
    #: Where it is defined, for one that a file defines.
    position: Position | None = None
    #: The settings that are not known; what the sets say of them need not hold.
    unknown: frozenset[Setting] = frozenset()
    #: Why they are not known: a sentence without a full stop.
    unknown_because: str = ""
    #: Whether it takes its settings. One that does not start runs nothing.
    starts: bool = True
    #: Whether it is only concluded from the locations that need it. It counts for no others.
    is_assumed: bool = False

    @property
    def serves_default_queue(self) -> bool:
        """Whether locations that name no queue come to it."""
        return None in self.queues

    @property
    def described_queues(self) -> str:
        """Its queues, for people."""
        if {Setting.QUEUES, Setting.DEFAULT_QUEUE} <= self.unknown and not self.queues - {None}:
            return "queues that are not known here"
        return describe_queues(self.queues)

    @property
    def runs_images(self) -> bool:
        """Whether it runs images: of managed pools, one whose code is in containers."""
        return self.kind is not AgentKind.POOL or self.launcher in POOLS_WITH_IMAGES

    def allowed_in(self, deployment: str, *, is_branch: bool) -> frozenset[str] | None:
        """The only locations that it accepts in a deployment; ``None`` is every one."""
        if is_branch:
            return self.allowed_branch
        return None if self.allowed_full is None else self.allowed_full.get(deployment)


def managed_pool(*, is_assumed: bool = False) -> Agent:
    """The pool of a control plane: the default queue of every deployment.

    ``is_assumed`` is for one that no file and no server names: it counts for serverless locations.
    """
    return Agent(
        name=POOL_NAME,
        kind=AgentKind.POOL,
        queues=frozenset({None}),
        branch_deployments=True,
        is_assumed=is_assumed,
    )
