"""No operation is answered for good while the store is away: each one leaves to be sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.pool import Pool

from dagstead.errors import StoreAwayError
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.contract.refused import REFUSED
from tests.contract.surface import Surface
from tests.contract.variables import every_variable
from tests.contract.world import DEPLOYMENT, World
from tests.support.sqlite_files import SqliteFiles, disconnect

pytestmark = pytest.mark.contract

#: Called before every operation.
Before = Callable[[], object]
Fault = Callable[[Surface], AbstractContextManager[Before]]


@contextmanager
def gone(surface: Surface) -> Iterator[Before]:
    """No file of SQLite's can be opened."""
    files = SqliteFiles(surface.instances.folder.parent)
    files.take()
    disconnect(surface.instances)
    yield lambda: None
    files.bring()


@contextmanager
def read_only_file(surface: Surface) -> Iterator[Before]:
    """SQLite answers, and refuses every change."""
    with _sqlite_says(surface, "PRAGMA query_only=ON"):
        yield lambda: None


@contextmanager
def full_disk(surface: Surface) -> Iterator[Before]:
    """No file of SQLite's can grow."""
    with _sqlite_says(surface, "PRAGMA max_page_count=1"):
        yield lambda: None


@contextmanager
def _sqlite_says(surface: Surface, statement: str) -> Iterator[None]:
    """With every connection, our own and those of Dagster's storage, beginning by a statement."""

    def begin(connection: Any, _record: object) -> None:
        connection.execute(statement)

    event.listen(Pool, "connect", begin)
    disconnect(surface.instances)
    yield
    event.remove(Pool, "connect", begin)
    disconnect(surface.instances)


@contextmanager
def read_only_server(surface: Surface) -> Iterator[Before]:
    """Postgres answers, and refuses every change."""
    with surface.store.database.hold() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        connection.execute(_END_OTHERS)
        yield lambda: None
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
        connection.execute(_END_OTHERS)


@contextmanager
def ended_connections(surface: Surface) -> Iterator[Before]:
    """Postgres ends all connections again and again, as it does when it restarts."""
    with surface.store.database.hold() as connection:
        yield partial(connection.execute, _END_OTHERS)


_END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize(
    ("surface", "fault", "least"),
    [
        ("sqlite", gone, 70),
        ("sqlite", read_only_file, 20),
        ("sqlite", full_disk, 1),
        ("postgres", read_only_server, 20),
        ("postgres", ended_connections, 0),
    ],
    indirect=["surface"],
)
def test_no_agent_is_told_for_good_that_the_store_is_away(
    world: World, fault: Fault, least: int
) -> None:
    documents = agent_documents(OWN_MINOR)
    sent = [
        (document.text, every_variable(document, world), document.paths) for document in documents
    ]
    outcomes = {}
    with fault(world.surface) as before:
        for document, variables, paths in sent:
            before()
            outcomes[", ".join(paths)] = _outcome(world, document, variables, paths)
    assert {path: said for path, said in outcomes.items() if said not in {"away", "well"}} == {}
    assert list(outcomes.values()).count("away") >= least


def _outcome(
    world: World, document: str, variables: Mapping[str, Any], paths: Sequence[str]
) -> str:
    try:
        answer = world.surface.send(document, variables, deployment=DEPLOYMENT)
    except StoreAwayError:
        return "away"
    if "errors" in answer and not set(paths) & set(REFUSED):
        return str(answer["errors"])
    return "well"
