"""Where faults are tried: control planes that are kept running, on both databases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg
from sqlalchemy import make_url

from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import USER_CODE, DeploymentClient, GraphQLRefusedError
from tests.support.environments import own_environment
from tests.support.faults.disk import SmallDisk, small_disk
from tests.support.faults.keeper import Keeper
from tests.support.pex import PexBench, pex_tag
from tests.support.pool_backends import Backend, Processes
from tests.support.postgres import PostgresCluster
from tests.support.stalled_line import Line, line_to

DEPLOYMENT = "prod"
QUEUE = "process-agent"
AGENT = "agent"
UP = "up"
#: A second process of daemons, beside the one that is named by its command.
STANDBY = "standby"

#: The locations, of the same code: a PEX file and a folder of the pool, a folder of the agent.
PEX, LOCAL, HYBRID = "pex", "local", "hybrid"
#: Of a pool whose code runs in containers: the same code in an image.
IMAGE = "image"

#: A schedule that is due every minute.
SCHEDULE = "every_minute"

#: While something fails, questions fail too.
NOT_YET = (httpx.HTTPError, GraphQLRefusedError, ValueError)

#: How long a run may take to start, in the settings of the deployment.
START_SECONDS = 120

CODE = USER_CODE / "witness.py"
_SETTINGS = {"run_monitoring": {"start_timeout_seconds": START_SECONDS}}
_READY_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What is launched in a place."""

    #: Deploys the locations, and starts what serves them beside the pool.
    bring: Callable[[Place], None]
    #: The locations, by how their code is run.
    launchers: Sequence[str]
    #: Those of the runs that are under way in every round.
    load: Sequence[str]
    #: Where the schedule is switched on.
    scheduled: Sequence[str]


class WritingProcesses(Processes):
    """Processes of the pool whose code may write where it waits."""

    def variables(self, folder: Path) -> Mapping[str, str]:
        """The Dagster that PEX files borrow, and where code tells what it does."""
        witness = self.gates(folder, DEPLOYMENT)
        return {"DAGSTEAD_POOL_READ": sys.prefix, "DAGSTEAD_POOL_WRITE": str(witness)}


PROCESSES = WritingProcesses()


class KeptPlane(ControlPlane):
    """A control plane whose programs are started again when they end."""

    def __init__(
        self,
        folder: Path,
        keeper: Keeper,
        *,
        backend: Backend,
        database: str | None,
        lines: dict[str, Line],
        has_standby: bool,
    ) -> None:
        """``lines`` are the ways of parts to the database that can be disturbed."""
        (folder / "gates").mkdir()
        variables = backend.variables(folder)
        super().__init__(folder, database=database, pool=True, variables=variables)
        self._keeper = keeper
        self._lines = lines
        self._has_standby = has_standby

    def start(self) -> None:
        """With Postgres or a standby its parts apart; else everything under one supervisor."""
        port = ("--port", str(self._port))
        if self._database is None and not self._has_standby:
            self._keeper.keep(UP, lambda: self._child(UP, *port))
            return
        public = ("--public-url", self.url)
        self._keeper.keep("web", lambda: self._child("web", *port))
        self._keeper.keep("daemon", lambda: self._child("daemon", *public))
        self._keeper.keep("pool", lambda: self._child("pool", *public))
        if self._has_standby:
            # One after the other: both might lead first.
            self._keeper.now("daemon").wait_for_log("Running the daemons", _READY_SECONDS)
            self._keeper.keep(STANDBY, lambda: self._child("daemon", *public, name=STANDBY))
            self._keeper.now(STANDBY).wait_for_log("Another process runs", _READY_SECONDS)

    @property
    def port(self) -> int:
        """Where its web server listens."""
        return self._port

    def is_healthy(self) -> bool:
        """Whether its web server says that all is well."""
        return httpx.get(f"{self.url}/health", trust_env=False, timeout=5).is_success

    def _database_of(self, part: str) -> str | None:
        if self._database is None or part not in self._lines:
            return self._database
        address = make_url(self._database).set(port=self._lines[part].port)
        return address.render_as_string(hide_password=False)


@dataclass(frozen=True, kw_only=True)
class AgentsPlace:
    """What the process agent is started with: its way to the server is a line."""

    url: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """A running control plane with its pool, and what is deployed there."""

    folder: Path
    plane: KeptPlane
    #: Of the pool.
    backend: Backend
    runs: Runs
    keeper: Keeper
    deployment: DeploymentClient
    #: From the process agent and its workers to the web server.
    agents_line: Line
    #: From the web server and from the daemons to Postgres.
    database_lines: dict[str, Line]
    cluster: PostgresCluster | None
    #: It holds the data folder, or the files of Postgres.
    disk: SmallDisk | None


@contextmanager
def up_on_sqlite(folder: Path) -> Iterator[Place]:
    """``dagstead up``, with SQLite."""
    with place_with(folder, PROCESSES, WITH_AGENT) as place:
        yield place


@contextmanager
def up_on_small_disk(folder: Path) -> Iterator[Place]:
    """The same with a data folder that can be filled."""
    with (
        small_disk(folder / "data") as disk,
        place_with(folder, PROCESSES, WITH_AGENT, disk=disk) as place,
    ):
        yield place


@contextmanager
def apart_on_postgres(folder: Path) -> Iterator[Place]:
    """Web server, daemon and pool apart, with a Postgres of their own."""
    with _on_cluster(folder, PostgresCluster.create(crashes=True), None) as place:
        yield place


@contextmanager
def apart_on_small_disk(folder: Path) -> Iterator[Place]:
    """The same with a disk of Postgres that can be filled."""
    with (
        # Not below a folder of pytest, which Postgres' own user may not enter.
        TemporaryDirectory(prefix="dagstead-disk-") as home,
        small_disk(Path(home) / "disk") as disk,
    ):
        Path(home).chmod(0o755)
        cluster = PostgresCluster(disk.folder, crashes=True)
        disk.after_freeing = cluster.start_again
        with _on_cluster(folder, cluster, disk) as place:
            yield place


@contextmanager
def two_daemons_on_sqlite(folder: Path) -> Iterator[Place]:
    """Web server, pool and two processes of daemons apart, with SQLite."""
    with place_with(folder, PROCESSES, WITH_AGENT, has_standby=True) as place:
        yield place


@contextmanager
def two_daemons_on_postgres(folder: Path) -> Iterator[Place]:
    """The same with a Postgres of their own."""
    cluster = PostgresCluster.create(crashes=True)
    with _on_cluster(folder, cluster, None, has_standby=True) as place:
        yield place


MakePlace = Callable[[Path], AbstractContextManager[Place]]


@dataclass
class Places:
    """Keeps the place of one test for the next one, if that asks for the same and it is well."""

    new_folder: Callable[[], Path]
    _make: MakePlace | None = None
    _place: Place | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def one(self, make: MakePlace) -> Iterator[Place]:
        """A running place; one in which the body fails is not used again."""
        if self._place is None or make is not self._make:
            self.close()
            self._place = self._stack.enter_context(make(self.new_folder()))
            self._make = make
        try:
            yield self._place
        except BaseException as error:
            error.add_note(self._place.keeper.log_tails())
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        self._place = None
        self._stack.close()


@contextmanager
def _on_cluster(
    folder: Path, cluster: PostgresCluster, disk: SmallDisk | None, *, has_standby: bool = False
) -> Iterator[Place]:
    try:
        cluster.start()
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE dagstead")
        with place_with(
            folder, PROCESSES, WITH_AGENT, cluster=cluster, disk=disk, has_standby=has_standby
        ) as place:
            yield place
    finally:
        cluster.remove()


@contextmanager
def place_with(
    folder: Path,
    backend: Backend,
    runs: Runs,
    *,
    cluster: PostgresCluster | None = None,
    disk: SmallDisk | None = None,
    has_standby: bool = False,
) -> Iterator[Place]:
    """A place with a pool of this backend, and these locations."""
    url = cluster.url("dagstead") if cluster else None
    with ExitStack() as stack:
        lines = {
            part: stack.enter_context(line_to(make_url(url).port or 0))
            for part in ("web", "daemon", STANDBY)
            if url
        }
        keeper = stack.enter_context(closing(Keeper()))
        plane = KeptPlane(
            folder,
            keeper,
            backend=backend,
            database=url,
            lines=lines,
            has_standby=has_standby,
        )
        stack.callback(plane.store.close)
        place = Place(
            folder=folder,
            plane=plane,
            backend=backend,
            runs=runs,
            keeper=keeper,
            deployment=stack.enter_context(
                closing(plane.deployment(DEPLOYMENT, settings=_SETTINGS))
            ),
            agents_line=stack.enter_context(line_to(plane.port)),
            database_lines=lines,
            cluster=cluster,
            disk=disk,
        )
        try:
            plane.start()
            eventually(
                plane.is_healthy, _READY_SECONDS, "the web server", retry_on=(httpx.HTTPError,)
            )
            runs.bring(place)
            deployment = place.deployment
            deployment.wait_until_loaded(*runs.launchers)
            for location in runs.scheduled:
                deployment.start_schedule(location, SCHEDULE)
        except BaseException as error:
            error.add_note(keeper.log_tails())
            raise
        yield place


def _bring_with_agent(place: Place) -> None:
    setup = AgentSetup(
        label=AGENT,
        token=place.plane.agent_token(AGENT),
        deployments=[DEPLOYMENT],
        queues=[QUEUE],
        default_queue=False,
        isolated=True,
    )
    where = AgentsPlace(
        url=f"http://127.0.0.1:{place.agents_line.port}",
        folder=place.folder,
    )
    place.keeper.keep(AGENT, lambda: OfficialAgent(where, own_environment(), setup))
    deploy_pex(place)
    # Its workers take the time to be hit before their runs have started.
    place.deployment.deploy(LOCAL, CODE.stem, warm=False)
    place.deployment.deploy(HYBRID, CODE.stem, queue=QUEUE)


def deploy_pex(place: Place) -> None:
    """Deploy the code as PEX files."""
    shelf, workshop = place.folder / "shelf", place.folder / "workshop"
    for each in (shelf, workshop):
        each.mkdir()
    bench = PexBench(shelf=shelf, workshop=workshop, packages=place.backend.packages)
    code = CODE.read_text(encoding="utf-8")
    files = (bench.source({CODE.name: code}), bench.dependencies())
    place.deployment.upload(*(shelf / name for name in files))
    place.deployment.deploy(PEX, CODE.stem, pex_tag=pex_tag(*files))


#: With a process agent on a named queue beside the pool.
WITH_AGENT = Runs(
    bring=_bring_with_agent,
    launchers=(PEX, LOCAL, HYBRID),
    load=(PEX, LOCAL, HYBRID, PEX, HYBRID),
    scheduled=(PEX, HYBRID),
)
