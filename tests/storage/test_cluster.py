"""The Postgres that the other storage tests stand on."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.storage


def test_each_database_is_empty_and_gone_afterwards(postgres_cluster: PostgresCluster) -> None:
    with postgres_cluster.database() as first, psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE t (x int)")
        connection.commit()
        with postgres_cluster.database() as second, psycopg.connect(second) as other:
            assert other.execute("SELECT to_regclass('t')").fetchone() == (None,)

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first)


def test_the_server_is_that_of_the_whole_run(postgres_cluster: PostgresCluster) -> None:
    again = PostgresCluster(postgres_cluster.folder)
    again.start()

    assert again.url("postgres") == postgres_cluster.url("postgres")
