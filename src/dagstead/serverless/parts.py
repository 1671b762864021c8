"""What the pool's launcher is made of, from its configuration and the agent's instance."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dagstead.serverless.broom import Broom
from dagstead.serverless.compiling import Compiler
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.downloads import pex_files_of
from dagstead.serverless.environ import machine_environment
from dagstead.serverless.environments import EnvironmentStore
from dagstead.serverless.home import PoolHome
from dagstead.serverless.interpreters import Interpreters
from dagstead.serverless.run_launcher import PexRunLauncher
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.server_start import ServerStarter
from dagstead.serverless.server_table import ServerTable
from dagstead.serverless.user_code import UserCode
from dagstead.serverless.warm.standbys import standbys_of
from dagstead.serverless.warm.starts import WarmStarts
from dagstead.serverless.worker_tokens import TokenKeeper, WorkerTokens, keeper_of

if TYPE_CHECKING:
    from dagster_cloud.instance import DagsterCloudAgentInstance


@dataclass(frozen=True, kw_only=True)
class PoolParts:
    """The parts of one launcher, each made when it is first asked for."""

    configuration: LauncherConfiguration
    home: PoolHome
    records: RunRecords
    sandbox: Sandbox
    table: ServerTable
    #: What user code finds in its environment.
    code_environment: Mapping[str, str]
    instance: DagsterCloudAgentInstance
    #: Set when the pool is stopping.
    stop: threading.Event
    logger: logging.Logger
    metrics_enabled: bool

    @cached_property
    def environments(self) -> EnvironmentStore:
        """Of PEX files, by their tags."""
        stop = self.stop
        return EnvironmentStore(
            home=self.home,
            files=pex_files_of(self.instance, stop),
            interpreters=Interpreters(
                named=self.configuration.pythons, search_path=os.environ.get("PATH")
            ),
            environment=machine_environment(os.environ, ()),
            clock=time.time,
            stop=stop,
            parallel=self.configuration.parallel_unpacks,
            sandbox=self.sandbox,
            quota=self.configuration.quota,
        )

    @cached_property
    def user_code(self) -> UserCode:
        """How code is started."""
        return UserCode(
            environments=self.environments,
            allow_local_code=self.configuration.allow_local_code,
            allow_branches=self.configuration.allow_branches,
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
    def compiler(self) -> Compiler:
        """Compiles what locations import."""
        return Compiler(
            sandbox=self.sandbox,
            environment=machine_environment(os.environ, ()),
            stop=self.stop,
        )

    @cached_property
    def broom(self) -> Broom:
        """Removes what nobody needs any more."""
        return Broom(
            home=self.home,
            configuration=self.configuration,
            instance=self.instance,
            table=self.table,
            records=self.records,
            environments=self.environments,
            users=self.sandbox.users,
            logger=self.logger,
        )

    @cached_property
    def starter(self) -> ServerStarter:
        """Starts code servers."""
        return ServerStarter(
            environment=self.code_environment,
            tokens=self.tokens,
            start_seconds=self.configuration.server_start_seconds,
            orphan_seconds=self.configuration.server_orphan_seconds,
            metrics_enabled=self.metrics_enabled,
            sandbox=self.sandbox,
            limits=self.configuration.limits,
            stop=self.stop,
        )

    @property
    def warm(self) -> WarmStarts:
        """Processes that have imported their code before their run comes."""
        return WarmStarts(
            standbys=standbys_of(self.home.root, self.configuration.warm_workers),
            sandbox=self.sandbox,
            umask=self.configuration.user_code_umask,
        )

    def run_launcher(self) -> PexRunLauncher:
        """The launcher of isolated runs."""
        launcher = PexRunLauncher(
            user_code=self.user_code,
            records=self.records,
            home=self.home,
            environment=self.code_environment,
            sandbox=self.sandbox,
            limits=self.configuration.limits,
            tokens=self.tokens,
            warm=self.warm,
        )
        launcher.register_instance(self.instance)
        return launcher
