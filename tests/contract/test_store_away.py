"""No operation is answered for good while the store is away: each one leaves to be sent again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from dagstead.errors import StoreAwayError
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.contract.refused import REFUSED
from tests.contract.surface import Surface
from tests.contract.variables import every_variable
from tests.contract.world import DEPLOYMENT, World
from tests.support.sqlite_files import SqliteFiles

pytestmark = pytest.mark.contract


@contextmanager
def away(surface: Surface) -> Iterator[None]:
    """On SQLite nothing can be opened; Postgres answers, and refuses every change."""
    database = surface.store.database
    if database.is_sqlite:
        files = SqliteFiles(surface.instances.folder.parent)
        files.take()
        database.close()
        yield
        files.bring()
        return
    with database.hold() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        yield
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))


def test_no_agent_is_told_for_good_that_the_store_is_away(world: World) -> None:
    documents = agent_documents(OWN_MINOR)
    sent = [
        (document.text, every_variable(document, world), document.paths) for document in documents
    ]
    with away(world.surface):
        outcomes = {
            ", ".join(paths): _outcome(world, document, variables, paths)
            for document, variables, paths in sent
        }
    assert {path: said for path, said in outcomes.items() if said not in {"away", "well"}} == {}
    assert list(outcomes.values()).count("away") > (
        70 if world.surface.store.database.is_sqlite else 20
    )


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
