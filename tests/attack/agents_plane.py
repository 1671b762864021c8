"""A control plane in a thread, with an agent on each of two queues, and what one of them has."""

from __future__ import annotations

import socket
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
from dagster import DagsterInstance
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.scheduler.instigation import (
    InstigatorState,
    TickData,
)
from dagster._serdes import serialize_value
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from sqlalchemy import select

from dagstead.client.certificates import certificates_for
from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.engine.instances import Instances
from dagstead.engine.run_origins import STORED_BY_TAG
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import LaunchTags
from dagstead.plane.locations import NewLocation
from dagstead.plane.requests import LAUNCH_RUN, NewRequest
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, Token, TokenKind, new_secret
from dagstead.plane.workers import Minter, Worker
from dagstead.server.services import open_instances
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store
from dagstead.store.tables import metadata
from dagstead.testing.clock import ManualClock
from tests.attack.agents_values import (
    backfill_of,
    gpu_asset,
    run_of,
    sensor_state,
    tick_of,
)
from tests.support.heartbeats import heartbeat_of
from tests.support.played_agent import PlayedAgent
from tests.support.releases import deploy
from tests.support.served import PromptServer, app_of, served
from tests.support.stores import empty_store

#: The deployment that is attacked, and another one.
OURS, THEIRS = "alpha", "beta"

#: Only those who may serve the queue gpu may read these.
SECRET, DEPLOY_DATA = "canary-of-a-secret", "canary-of-deploy-data"

AGENT_ID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A token and its text; nobody has none."""

    token: Token | None = None
    secret: str = ""

    def headers(self, deployment: str | None) -> dict[str, str]:
        named = {} if deployment is None else {"Dagster-Cloud-Deployment": deployment}
        return named if self.token is None else {**named, "Dagster-Cloud-Api-Token": self.secret}


@dataclass(frozen=True, kw_only=True)
class Victim:
    """What the agent on the queue gpu has. Every test has its own."""

    #: It was launched there, and begun.
    begun: str
    #: It was launched there, and the agent is about to begin it.
    taken: str
    #: It waits in the run queue for its launch.
    queued: str
    #: User code there has stored it, and executes it by itself.
    own: str
    #: Requests that the agent has taken: a question, and the launch of a run.
    question: str
    launch: str
    state: InstigatorState
    tick: TickData
    tick_id: int
    backfill: PartitionBackfill

    @property
    def runs(self) -> tuple[str, ...]:
        return self.begun, self.taken, self.queued, self.own


@dataclass(frozen=True, kw_only=True)
class AgentsPlane:
    """The control plane, and callers of all kinds."""

    client: httpx.Client
    store: Store
    instances: Instances
    folder: Path
    #: The agent that is attacked, and one of the same deployment that serves every queue.
    gpu: Caller
    whole: Caller
    #: By kind.
    attackers: Mapping[str, Caller]

    @property
    def ours(self) -> Deployment:
        return self.store.deployments.get(OURS)

    @property
    def instance(self) -> DagsterInstance:
        return self.instances.get(self.ours)

    def call(
        self, caller: Caller, method: str, path: str, deployment: str | None, **more: Any
    ) -> httpx.Response:
        headers = {**caller.headers(deployment), **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def victim(self) -> Victim:
        """Make one."""
        runs = [str(uuid.uuid4()) for _ in range(4)]
        for run_id in runs[:3]:
            self.instance.add_run(run_of(run_id, "gpu_loc"))
        tags = {STORED_BY_TAG: str(self._gpu_id)}
        self.instance.add_run(run_of(runs[3], None).with_tags(tags))
        for run_id in runs[:2]:
            work = Work(
                api=LAUNCH_RUN,
                queue="gpu",
                location="gpu_loc",
                run_id=run_id,
                lifetime_seconds=600,
            )
            self.instances.control.launches.offer(SYSTEM, self.ours, work, LaunchTags())
        self.instance.event_log_storage.set_concurrency_slots("narrow", 9)
        question = NewRequest(
            id=str(uuid.uuid4()),
            api="GET_EXTERNAL_SENSOR_EXECUTION_DATA",
            deployment=OURS,
            queue="gpu",
            location="gpu_loc",
            run_id=None,
            body="{}",
            expires_at=self.store.clock() + 600,
        )
        self.store.requests.submit(question)
        honest = Actor.holding(self._token)
        poll = Poll(full_deployments=[OURS], queues=["gpu"], limit=100)
        self.instances.control.requests.take(honest, poll)
        self.instances.control.requests.begin_launch(honest, self.ours, runs[0], AGENT_ID)
        [launch] = self.store.requests.of_run(OURS, runs[1])
        state = sensor_state(f"sensor_{uuid.uuid4().hex}", "gpu_loc")
        tick = tick_of(state)
        schedules = self.instance.schedule_storage
        assert schedules is not None
        schedules.add_instigator_state(state)
        backfill = backfill_of("gpu_loc")
        self.instance.add_backfill(backfill)
        return Victim(
            begun=runs[0],
            taken=runs[1],
            queued=runs[2],
            own=runs[3],
            question=question.id,
            launch=launch.id,
            state=state,
            tick=tick,
            tick_id=schedules.create_tick(tick).tick_id,
            backfill=backfill,
        )

    def stored(self, but: Caller | None = None) -> dict[str, list[str]]:
        """All that is stored of our deployment, but for the heartbeats of one caller."""
        found: dict[str, list[str]] = {}
        with self.store.database.read() as connection:
            for table in metadata.sorted_tables:
                if "deployment" not in table.c:
                    continue
                rows = connection.execute(select(table).where(table.c.deployment == OURS)).all()
                own = None if but is None or but.token is None else but.token.id
                found[table.name] = sorted(
                    repr(row)
                    for row in rows
                    if getattr(row, "token_id", None) != own or own is None
                )
        for file in sorted((self.folder / "deployments" / OURS).rglob("*.db")):
            with closing(sqlite3.connect(file)) as connection:
                names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                for (name,) in names.fetchall():
                    rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()
                    found[f"{file.name} {name}"] = sorted(map(repr, rows))
        kept = [self.folder / "deployments" / OURS / "logs", self.folder / "blobs"]
        found["files"] = sorted(
            f"{path} {path.read_bytes()!r}"
            for each in kept
            for path in each.rglob("*")
            if path.is_file() and (each.name == "logs" or f"/{OURS}/" in str(path))
        )
        return found

    @property
    def _token(self) -> Token:
        assert self.gpu.token is not None
        return self.gpu.token

    @property
    def _gpu_id(self) -> int:
        return self._token.id


def location_on(queue: str | None, name: str, deploy_id: str) -> NewLocation:
    own = DEPLOY_DATA if queue == "gpu" else "of another queue"
    variables = {"OWN": own, "DAGSTEAD_DEPLOY_ID": deploy_id}
    data = CodeLocationDeployData(image="i", module_name="m", cloud_context_env=variables)
    return NewLocation(
        name=name,
        document={"location_name": name, "image": own},
        deploy_data=serialize_value(data),
        deploy_id=deploy_id,
        queue=queue,
    )


#: What each kind of attacker may do.
GRANTS: Mapping[str, tuple[TokenKind, Grant]] = {
    "gpu": (TokenKind.AGENT, Grant(deployments=[OURS], queues=["gpu"], branch_deployments=False)),
    "whole": (TokenKind.AGENT, Grant(deployments=[OURS], branch_deployments=False)),
    "another queue": (
        TokenKind.AGENT,
        Grant(deployments=[OURS, THEIRS], queues=["cpu", None], branch_deployments=True),
    ),
    "another deployment": (
        TokenKind.AGENT,
        Grant(deployments=[THEIRS], branch_deployments=True),
    ),
    "another pool": (TokenKind.POOL, Grant(deployments=[THEIRS], branch_deployments=True)),
    "metrics": (TokenKind.METRICS, Grant()),
    "a user": (TokenKind.USER, Grant(deployments=[THEIRS], branch_deployments=True)),
}


@contextmanager
def agents_plane(folder: Path) -> Iterator[AgentsPlane]:
    """Make one."""
    listener = socket.create_server(("127.0.0.1", 0))
    flags = {"data": folder, "max_body_mb": 1, "port": listener.getsockname()[1]}
    settings = load_settings(flags, environment={}).settings
    store = empty_store(folder, ManualClock(), file="dagstead.db")
    for name in (OURS, THEIRS):
        store.deployments.create(name)
    callers = {"nobody": Caller()}
    for name, (kind, grant) in GRANTS.items():
        secret = new_secret(kind, "dagstead")
        token = store.tokens.create(name, kind, secret, grant)
        callers[name] = Caller(token=token, secret=secret)
    callers["code elsewhere"] = _code(store)
    instances = open_instances(settings, store)
    app = app_of(settings, instances)
    server = PromptServer(server_config(settings, app))
    with (
        listener,
        served(server, listener),
        httpx.Client(
            base_url=settings.base_url,
            verify=certificates_for(settings.base_url),
            trust_env=False,
            timeout=60,
        ) as client,
    ):
        plane = AgentsPlane(
            client=client,
            store=store,
            instances=instances,
            folder=folder,
            gpu=callers.pop("gpu"),
            whole=callers.pop("whole"),
            attackers=callers,
        )
        _deploy(plane)
        yield plane
    instances.close()
    store.close()


def _code(store: Store) -> Caller:
    """User code that a managed pool runs, of a location of the same name."""
    secret = new_secret(TokenKind.WORKER, "dagstead")
    server = Worker(deployment=THEIRS, location="gpu_loc")
    minter = Minter(pool="another pool", agent_id=AGENT_ID)
    return Caller(token=store.workers.create(server, secret, minter, None), secret=secret)


def _deploy(plane: AgentsPlane) -> None:
    """Two locations that are live, and a new release of one that is loading."""
    store = plane.store
    deploy(
        store,
        OURS,
        [location_on("gpu", "gpu_loc", "gpu-1"), location_on("cpu", "cpu_loc", "cpu-1")],
    )

    for name, caller in (("gpu_loc", plane.gpu), ("cpu_loc", plane.attackers["another queue"])):
        put = partial(_put, plane, caller)
        assets = [gpu_asset] if name == "gpu_loc" else []
        PlayedAgent(store=store, deployment=OURS, put=put).load(name, dg.Definitions(assets=assets))
    deploy(store, OURS, [location_on("gpu", "gpu_loc", "gpu-2")])
    target = SecretTarget(deployment=OURS, locations=frozenset({"gpu_loc"}))
    plane.instances.control.secrets.set(SYSTEM, "KEY", SECRET, target)
    assert plane.gpu.token is not None
    beat = heartbeat_of(
        "gpu", now=store.clock(), agent_id=AGENT_ID, deployment=OURS, token_id=plane.gpu.token.id
    )
    store.agents.record([beat])


def _put(plane: AgentsPlane, caller: Caller, path: str, files: dict[str, bytes]) -> httpx.Response:
    return plane.call(caller, "PUT", path, OURS, files=files)
