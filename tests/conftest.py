"""Fixtures for every test: databases, and what others make anew each time and we once."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from dagstead.store.all import Store, open_store
from dagstead.testing.clock import ManualClock
from tests.support.corpus import corpus_folder, repositories_in
from tests.support.distribution import BySharedServers, stand_back
from tests.support.faults.table import print_table
from tests.support.postgres import PostgresCluster
from tests.support.scoped_statements import watched_statements
from tests.support.summary import print_summaries

#: Tells the workers of pytest-xdist, by their environment, where this run's Postgres lives.
#: It does not begin with DAGSTEAD_, which the server takes for a setting.
_CLUSTER_VARIABLE = "POSTGRES_FOLDER_OF_THIS_TEST_RUN"

_FOLDER = Path(__file__).parent
_WITH_SERVERS = ("workflows", "faults", "compat", "browser", "pool", "attack")

# Tests that two folders collect, with what they compare shown as in any other test.
pytest.register_assert_rewrite("tests.support.pool_promises")

_OWN_CLUSTER = pytest.StashKey[PostgresCluster]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this project's tests."""
    parser.addoption(
        "--write-records",
        action="store_true",
        help="Keep what tests see of the official commands, for docs/reference/compatibility.md.",
    )
    parser.addoption(
        "--without-corpus",
        action="store_true",
        help="Leave out the tests that read the corpus of real repositories.",
    )
    parser.addoption(
        "--fuzz-requests",
        type=int,
        default=600,
        help="How many malformed requests tests/attack sends to a server on each database.",
    )
    parser.addoption(
        "--explore", action="store_true", help="Try examples that are others in every run."
    )
    parser.addoption("--fuzz-seed", type=int, default=7, help="Which requests these are.")


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of this run's Postgres; it is started by the first test that asks."""
    stand_back(config)
    # How long an example takes says more about the machine than about the code.
    settings.register_profile(
        "untimed",
        deadline=None,
        # A change fails for what it changes. `make fuzz` looks for what nobody has thought of.
        derandomize=not config.getoption("--explore"),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("untimed")
    # Tests are collected a fifth sooner: what is imported for them stays.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that starts the tests in the background has their children ignore interrupts,
        # by which some of these are stopped.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _CLUSTER_VARIABLE not in os.environ:
        cluster = PostgresCluster.create()
        config.stash[_OWN_CLUSTER] = cluster
        os.environ[_CLUSTER_VARIABLE] = str(cluster.folder)


def pytest_collection_finish() -> None:
    """What is imported now stays: Python need not look through it for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySharedServers | None:
    """Divide the tests among workers by what they share, unless `--dist` asks for another way."""
    return BySharedServers(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The folders first that start servers and agents: their files take long."""
    if config.getoption("--without-corpus"):
        left_out = [item for item in items if "corpus" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    places = {folder: place for place, folder in enumerate(_WITH_SERVERS)}
    last = len(places)
    items.sort(key=lambda item: places.get(item.path.relative_to(_FOLDER).parts[0], last))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests report for people, wherever they ran."""
    print_summaries(terminalreporter)
    print_table(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it, in the process that named it."""
    cluster = config.stash.get(_OWN_CLUSTER, None)
    if cluster is not None:
        del os.environ[_CLUSTER_VARIABLE]
        cluster.remove()


@pytest.fixture(scope="session", autouse=True)
def _migrations_are_read_once() -> Iterator[None]:
    """Dagster reads all of its own for each of the three storages of an instance."""
    read = ScriptDirectory.from_config
    known: dict[tuple[str | None, ...], ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        places = tuple(map(config.get_main_option, ("script_location", "version_locations")))
        if places not in known:
            known[places] = read(config)
        return known[places]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session")
def postgres_cluster() -> PostgresCluster:
    """This run's Postgres server; take it where a database must outlive one test."""
    cluster = PostgresCluster(Path(os.environ[_CLUSTER_VARIABLE]))
    cluster.start()
    return cluster


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The URL of an empty Postgres database that only this test uses."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each supported kind: the test runs once on SQLite, once on Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def corpus() -> list[Path]:
    """The folders of real repositories; ``--without-corpus`` leaves out the tests that ask."""
    try:
        return repositories_in(corpus_folder())
    except FileNotFoundError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only moves when a test moves it."""
    return ManualClock()


@pytest.fixture
def store(database_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """An empty store on SQLite, and on Postgres."""
    opened = open_store(database_url=database_url, blobs_folder=tmp_path / "blobs", clock=clock)
    with watched_statements():
        yield opened
    opened.close()
