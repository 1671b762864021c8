"""Two processes of daemons: when the one that leads fails in whatever way, the other one leads."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import make_url

from dagstead.store.database import Database
from dagstead.store.leases import LeaseStore
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.environments import own_environment
from tests.support.postgres import PostgresCluster
from tests.support.processes import ChildProcess
from tests.support.stalled_line import Line, line_to

pytestmark = pytest.mark.compat

#: What is promised; the processes wait for it already.
TAKEN_OVER_SECONDS = 15
_START_SECONDS = 90
LEADS = "Running the daemons, as leader"
LOST = "This process leads no longer"


@dataclass
class Scene:
    """A database, and processes of daemons on it."""

    folder: Path
    url: str
    stack: ExitStack
    children: list[ChildProcess] = field(default_factory=list)

    def daemon(self, url: str | None = None) -> ChildProcess:
        environment = own_environment()
        number = len(self.children)
        words = ["daemon", "--data", self.folder / "data", "--database", url or self.url]
        child = ChildProcess(
            [environment.program("dagstead"), *map(str, words)],
            log=self.folder / f"{number}.log",
            env=environment.variables(),
            cwd=self.folder,
        )
        self.stack.callback(child.kill)
        self.children.append(child)
        return child

    def pair(self, leaders_url: str | None = None) -> tuple[ChildProcess, ChildProcess]:
        """One that leads, and one that waits."""
        first = self.daemon(leaders_url)
        first.wait_for_log(LEADS, _START_SECONDS)
        second = self.daemon()
        second.wait_for_log("Another process runs the daemons", _START_SECONDS)
        return first, second

    def epoch(self) -> int:
        database = Database(self.url)
        try:
            return LeaseStore(database, ManualClock()).leader().epoch
        finally:
            database.close()

    def assert_taken_over(self, second: ChildProcess) -> None:
        eventually(lambda: self.epoch() == 2, TAKEN_OVER_SECONDS, "another leader")
        second.wait_for_log(f"{LEADS} 2", _START_SECONDS)


def logged_at(child: ChildProcess, text: str) -> str:
    """The date and time of a line of a log."""
    return next(line for line in child.log_text().splitlines() if text in line)[:23]


@pytest.fixture
def scene(tmp_path: Path, database_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, database_url, stack)


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, postgres_url, stack)


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)]
)
def test_another_leads_when_the_leader_is_killed_or_stopped(
    scene: Scene, end: signal.Signals
) -> None:
    first, second = scene.pair()
    first.signal(end)
    scene.assert_taken_over(second)
    assert first.wait(30) == (0 if end is signal.SIGTERM else -end)


def test_another_leads_when_the_leader_is_frozen(scene: Scene) -> None:
    first, second = scene.pair()
    first.signal(signal.SIGSTOP)
    scene.assert_taken_over(second)
    first.signal(signal.SIGCONT)
    if scene.url.startswith("sqlite"):
        # Files have no fence: it was killed before another one began.
        assert first.wait(10) == -signal.SIGKILL
    else:
        first.wait_for_log(LOST, 60)
        first.wait_for_log("Another process runs the daemons", 60)
        assert scene.epoch() == 2


@pytest.mark.parametrize("end", [Line.stall, pytest.param(Line.close, marks=pytest.mark.thorough)])
def test_another_leads_when_the_leader_is_cut_off_which_stops_before(
    on_postgres: Scene, end: Callable[[Line], None]
) -> None:
    address = make_url(on_postgres.url)
    line = on_postgres.stack.enter_context(line_to(address.port or 0))
    url = address.set(port=line.port).render_as_string(hide_password=False)
    first, second = on_postgres.pair(url)
    end(line)
    on_postgres.assert_taken_over(second)
    first.wait_for_log(LOST, TAKEN_OVER_SECONDS)
    if end is Line.stall:
        # By its own clock. Else the database has seen the end of its connection, and refuses it.
        assert logged_at(first, LOST) < logged_at(second, f"{LEADS} 2")


def test_a_daemon_outlives_its_database(tmp_path: Path) -> None:
    """Alone, without anybody to start it again."""
    cluster = PostgresCluster.create()
    try:
        with ExitStack() as stack:
            url = stack.enter_context(cluster.database())
            scene = Scene(tmp_path, url, stack)
            only = scene.daemon()
            only.wait_for_log(LEADS, _START_SECONDS)
            cluster.stop()
            only.wait_for_log(LOST, 60)
            only.wait_for_log("Waiting for the database", 60)
            cluster.resume()
            only.wait_for_log(f"{LEADS} 2", 90)
            assert only.stop(30) == 0
            assert scene.epoch() == 2
    finally:
        cluster.remove()
