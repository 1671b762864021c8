"""What the launcher of a pool on Docker is made of, from its configuration and its instance."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.docker.containers import PoolContainers
from dagstead.serverless.docker.ends import RunEnds
from dagstead.serverless.docker.fetching import ImageFetcher
from dagstead.serverless.docker.handles import ServerHandles
from dagstead.serverless.docker.image_notes import ImageNotes
from dagstead.serverless.docker.images import PoolImages
from dagstead.serverless.docker.pex_images import PexImages
from dagstead.serverless.docker.run_launcher import RunParts
from dagstead.serverless.docker.server_start import ServerStarts
from dagstead.serverless.docker.storage import remove_deleted
from dagstead.serverless.docker.surroundings import Surroundings
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.downloads import pex_files_of
from dagstead.serverless.environ import container_environment
from dagstead.serverless.home import PoolHome
from dagstead.serverless.still_needed import existing
from dagstead.serverless.worker_tokens import TokenKeeper, WorkerTokens, keeper_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from dagster_cloud.instance import DagsterCloudAgentInstance

logger = logging.getLogger("dagstead.serverless.docker")


@dataclass(frozen=True, kw_only=True)
class DockerParts:
    """The parts of one launcher, each made when it is first asked for."""

    configuration: LauncherConfiguration
    choice: DockerChoice
    home: PoolHome
    instance: DagsterCloudAgentInstance
    #: The agent's own.
    environment: Mapping[str, str]
    #: Set when the pool is stopping.
    stop: threading.Event

    @cached_property
    def containers(self) -> PoolContainers:
        """The containers of this pool."""
        return PoolContainers(self.choice.pool)

    @cached_property
    def handles(self) -> ServerHandles:
        """Its code servers."""
        return ServerHandles(
            containers=self.containers, network=self.choice.network, url=self.choice.url
        )

    @cached_property
    def images(self) -> PoolImages:
        """The images that locations run in."""
        files = pex_files_of(self.instance, self.stop)
        fetcher = ImageFetcher(
            own_host=self.choice.registry_host,
            token=self.instance.dagster_cloud_agent_token,
            notes=self.notes,
        )
        return PoolImages(
            pex=PexImages(
                choice=self.choice, home=self.home, files=files, fetcher=fetcher, notes=self.notes
            )
        )

    @cached_property
    def notes(self) -> ImageNotes:
        """The images that this pool brought to the daemon."""
        return ImageNotes(home=self.home, pool=self.choice.pool, clock=time.time)

    def sweep_volumes(self) -> None:
        """Remove what deleted deployments have left."""
        for name in remove_deleted(self.choice.pool, partial(existing, self.instance)):
            logger.info("Removed what the deleted deployment %s had left.", name)

    def sweep_images(self, deployed: Collection[str]) -> None:
        """Remove the images that nobody needed for as long as ended runs are kept.

        Args:
            deployed: the images of the locations that are deployed.
        """
        removed = self.notes.sweep(
            deployed,
            keep_seconds=max(
                self.configuration.keep_runs_seconds, self.configuration.keep_unused_seconds
            ),
        )
        if removed:
            logger.info("Removed %d images that nobody needs: %s", len(removed), ", ".join(removed))

    @cached_property
    def surroundings(self) -> Surroundings:
        """What containers start with."""
        return Surroundings(
            choice=self.choice,
            environment=container_environment(
                self.environment, self.configuration.pass_environment
            ),
            limits=self.configuration.limits,
        )

    @cached_property
    def server_starts(self) -> ServerStarts:
        """What code servers start with."""
        return ServerStarts(
            instance=self.instance, tokens=self.tokens, surroundings=self.surroundings
        )

    @cached_property
    def tokens(self) -> WorkerTokens:
        """What workers prove themselves with."""
        return WorkerTokens(instance=self.instance, home=self.home)

    @cached_property
    def token_keeper(self) -> TokenKeeper:
        """Takes tokens back once nobody has them any more."""
        return keeper_of(self.tokens)

    @cached_property
    def ends(self) -> RunEnds:
        """Ends runs that were asked to end, and removes what is left of them."""
        return RunEnds(
            home=self.home,
            containers=self.containers,
            instance=self.instance,
            clock=time.time,
            grace_seconds=self.configuration.termination_grace_seconds,
            keep_seconds=self.configuration.keep_runs_seconds,
        )

    @property
    def run_parts(self) -> RunParts:
        """For launchers of runs."""
        return RunParts(
            home=self.home,
            containers=self.containers,
            images=self.images,
            surroundings=self.surroundings,
            tokens=self.tokens,
            ends=self.ends,
        )
