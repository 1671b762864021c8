"""A control plane as child processes: its web server and its daemons, on a port of its own."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil
from sqlalchemy import delete, update

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.launch_watch import ASKING_SECONDS
from dagstead.plane.roles import ADMIN, Roles
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.store.all import Store, open_store
from dagstead.store.tables import heartbeats, launches, locations, requests, token_calls, tokens
from dagstead.testing.waiting import eventually
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.orchestration import control_without_dagster
from tests.support.ports import free_port
from tests.support.processes import ChildProcess
from tests.support.warm_programs import SERVERS, warm_programs

#: Starting imports Dagster, which takes several seconds on a busy machine.
_READY_SECONDS = 90.0

#: An agent counts as gone after 90 seconds without a heartbeat.
_LONG_GONE_SECONDS = 200.0

#: Agents are reminded of a deploy after a minute.
_OLD_DEPLOY_SECONDS = 70.0

#: What an agent or a worker is busy with is explained after a minute.
_LONG_START_SECONDS = 70.0

_ORGANIZATION = "dagstead"


class ControlPlane:
    """Use it as a context: it is started on the way in and stopped on the way out.

    The test shares its database: tokens and deployments are made there, without a process each.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database: str | None = None,
        variables: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        pool: bool = False,
    ) -> None:
        """Choose where it lives; nothing is started yet.

        Args:
            folder: receives the data folder and the logs.
            database: a Postgres URL; None is SQLite.
            variables: more environment variables of the server.
            host: the address of this machine to listen on, by which it is known.
            pool: whether the managed pool runs, too; it runs code of this machine's folders.
        """
        self.folder = folder
        self.data = folder / "data"
        self._host = host
        self._port = free_port()
        self._database = database
        self._variables = dict(variables or {})
        self._web: ChildProcess | None = None
        self._daemon: ChildProcess | None = None
        self._has_pool = pool
        self._pool: ChildProcess | None = None
        self.data.mkdir(parents=True, exist_ok=True)
        self.store: Store = open_store(
            database_url=database or f"sqlite:///{self.data / 'dagstead.db'}",
            blobs_folder=self.data / "blobs",
            clock=time.time,
        )
        self._secrets: dict[str, str] = {}
        self._user = self.user_token("the tests")

    @property
    def url(self) -> str:
        """The address of the web server."""
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The port of the web server."""
        return self._port

    @property
    def web_process(self) -> psutil.Process:
        """The web server, which a test may freeze."""
        assert self._web is not None
        return psutil.Process(self._web.pid)

    @property
    def web_log(self) -> str:
        """Everything that the web server has logged, through all its restarts."""
        return (self.folder / "web.log").read_text(encoding="utf-8", errors="replace")

    @property
    def pool_log(self) -> str:
        """Everything that the managed pool has logged, through all its restarts."""
        return (self.folder / "pool.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start what does not run, and wait for the web server's first answer."""
        if self._web is None:
            self._web = self._child("web", "--host", self._host, "--port", str(self._port))
        if self._daemon is None:
            self._daemon = self._child("daemon", "--public-url", self.url)
        if self._has_pool and self._pool is None:
            self.start_pool()
        web = self._web

        def answers() -> bool:
            if web.exit_code is not None:
                message = f"The web server ended with {web.exit_code}.\n{web.log_tail()}"
                raise AssertionError(message)
            return httpx.get(f"{self.url}/health", trust_env=False).is_success

        eventually(
            answers, _READY_SECONDS, "the web server's answer", retry_on=(httpx.TransportError,)
        )

    def start_pool(self) -> ChildProcess:
        """Start the managed pool, which the caller may end."""
        self._pool = self._child("pool", "--public-url", self.url)
        return self._pool

    def kill_pool(self) -> None:
        """End the managed pool's agent by force: what it has started stays."""
        assert self._pool is not None
        self._pool.kill()
        self._pool = None

    def stop_pool(self) -> None:
        """End the managed pool in order."""
        assert self._pool is not None
        self._pool.stop(60)
        self._pool = None

    def stop_daemons(self) -> None:
        """End the daemons in order: queued runs stay queued until ``start``."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def kill(self) -> None:
        """End the web server and the daemons as a power cut would."""
        for child in self._children():
            child.kill()
        self._web = self._daemon = self._pool = None

    def stop(self) -> None:
        """End them in order."""
        if self._pool is not None:
            self.stop_pool()
        for child in self._children():
            child.stop()
        self._web = self._daemon = self._pool = None

    def user_token(
        self, name: str, *, deployments: Collection[str] | None = None, roles: Roles = ADMIN
    ) -> str:
        """A new user token; its text."""
        return self._issue(name, TokenKind.USER, Grant(deployments=deployments, roles=roles))

    def agent_token(
        self,
        name: str,
        *,
        deployments: Collection[str] | None = None,
        queues: Collection[str | None] | None = None,
    ) -> str:
        """A new agent token; its text."""
        return self._issue(name, TokenKind.AGENT, Grant(deployments=deployments, queues=queues))

    def token_record(self, name: str) -> Token:
        """The newest token of that name, as it is stored."""
        return next(each for each in reversed(self.store.tokens.all()) if each.name == name)

    def deployment(
        self, name: str, *, settings: Mapping[str, object] | None = None
    ) -> DeploymentClient:
        """A new full deployment, and a client of it; it takes what no agent serves yet."""
        self.store.deployments.create(name)
        patient = {"releases": {"unserved_queue": "wait"}}
        self.store.deployments.set_settings(name, {**patient, **(settings or {})})
        return self.client(name)

    def client(self, name: str, *, token: str | None = None) -> DeploymentClient:
        """A client of a deployment."""
        return DeploymentClient(self.url, name, token or self._user)

    def set_secret(
        self, name: str, value: str, deployment: str, location: str | None = None
    ) -> None:
        """Set a secret of a full deployment, for all of its locations or for one."""
        locations = frozenset() if location is None else frozenset({location})
        target = SecretTarget(deployment=deployment, locations=locations)
        control_without_dagster(self.store).secrets.set(COMMAND_LINE, name, value, target)

    def let_agents_be_long_gone(self, token_name: str) -> None:
        """Move the last signs of life of a token's agents back in time.

        It is what the database would hold minutes after these agents died, without waiting.
        """
        token = self.token_record(token_name)
        with self.store.database.write() as connection:
            connection.execute(
                update(heartbeats)
                .where(heartbeats.c.token_id == token.id)
                .values(
                    received_at=heartbeats.c.received_at - _LONG_GONE_SECONDS,
                    first_received_at=heartbeats.c.first_received_at - _LONG_GONE_SECONDS,
                )
            )
            connection.execute(
                update(requests)
                .where(requests.c.leased_by == token.id)
                .where(requests.c.leased_at.is_not(None))
                .values(leased_at=requests.c.leased_at - _LONG_GONE_SECONDS)
            )
            connection.execute(
                update(tokens)
                .where(tokens.c.id == token.id)
                .values(last_used_at=tokens.c.last_used_at - _LONG_GONE_SECONDS)
            )
            # Where a server has just begun to listen, nobody counts as silent who ever called.
            connection.execute(delete(token_calls).where(token_calls.c.token_id == token.id))

    def let_workers_be_long_silent(self, run_id: str) -> None:
        """Move the last question of a run's worker back in time, so that the worker is missed."""
        with self.store.database.write() as connection:
            connection.execute(
                update(launches)
                .where(launches.c.run_id == run_id)
                .values(asked_at=launches.c.asked_at - ASKING_SECONDS)
            )

    def let_launches_be_old(self, *run_ids: str) -> None:
        """Move what became of some runs so far back in time, by more than a start needs."""
        moments = ("created_at", "offered_at", "taken_at", "begun_at")
        columns = [launches.c[name] for name in moments]
        with self.store.database.write() as connection:
            connection.execute(
                update(launches)
                .where(launches.c.run_id.in_(run_ids))
                .values({column: column - _LONG_START_SECONDS for column in columns})
            )

    def let_deploys_be_old(self) -> None:
        """Move deploys, and what agents took, back in time: by less than an agent may be silent."""
        with self.store.database.write() as connection:
            connection.execute(
                update(locations).values(updated_at=locations.c.updated_at - _OLD_DEPLOY_SECONDS)
            )
            connection.execute(
                update(requests)
                .where(requests.c.leased_at.is_not(None))
                .values(leased_at=requests.c.leased_at - _OLD_DEPLOY_SECONDS)
            )

    def _issue(self, name: str, kind: TokenKind, grant: Grant) -> str:
        tokens = control_without_dagster(self.store).tokens
        return tokens.issue(COMMAND_LINE, name, kind, grant, _ORGANIZATION).secret

    def _child(self, part: str, *arguments: str, name: str | None = None) -> ChildProcess:
        """Start a part; a second one of its kind has a name of its own."""
        environment = own_environment()
        url = self._database_of(name or part)
        database = ["--database", url] if url else []
        return ChildProcess(
            [
                environment.program("dagstead"),
                *(part, "--data", self.data),
                *(*database, *arguments),
            ],
            log=self.folder / f"{name or part}.log",
            env=environment.variables(
                **{
                    "DAGSTEAD_POOL_LOCAL_CODE": "true",
                    "DAGSTEAD_LOG_LEVEL": "debug",
                    **self._variables,
                }
            ),
            cwd=self.folder,
            # The pool becomes another program at once.
            warm=None if part == "pool" else warm_programs(environment, SERVERS),
        )

    def _database_of(self, _part: str) -> str | None:
        """The address by which a part reaches the database."""
        return self._database

    def _children(self) -> list[ChildProcess]:
        return [child for child in (self._pool, self._daemon, self._web) if child is not None]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        children = self._children()
        self.stop()
        self.store.close()
        if error is not None:
            for child in children:
                error.add_note(child.log_tail())
