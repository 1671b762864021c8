"""Dumps of the control plane's schemas by Postgres' own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from dagstead.errors import BackupError, ConflictError, DatabaseUnusableError, StoreAwayError
from dagstead.store.database import (
    CONTROL_SCHEMA,
    Database,
    deployment_schema,
    masked_database_url,
    parse_database_url,
    require_utf8,
)
from dagstead.store.lines import unhurried
from dagstead.store.vault import CURRENT_KEY

#: How long a dump waits for a table that somebody changes, in Postgres' words.
_LOCK_PATIENCE = "60s"
_SHOWN_LINES = 3
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DumpFacts:
    """What a dump holds."""

    #: The newest migration of the control plane's tables.
    revision: str
    deployments: tuple[str, ...]
    #: The id of the master key that what is encrypted needs.
    master_key: str | None


def dump_database(url: str, target: Path) -> DumpFacts:
    """Write all schemas of a control plane into a file, as they are at one moment.

    Raises:
        BackupError: when ``pg_dump`` is missing, too old, or fails.
        DatabaseUnusableError: when the database does not answer, or holds no control plane.
    """
    with _connected(url) as connection:
        program = _program("pg_dump", connection)
        # The dump sees what this transaction sees.
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        facts = _facts(connection, url)
        schemas = [CONTROL_SCHEMA, *map(deployment_schema, facts.deployments)]
        arguments = [
            *("--format=custom", f"--snapshot={snapshot}", f"--file={target}"),
            f"--lock-wait-timeout={_LOCK_PATIENCE}",
            *(f'--schema="{schema}"' for schema in schemas),
        ]
        _run(program, arguments, url)
    return facts


def require_empty(url: str) -> None:
    """Refuse a database that holds a control plane.

    Raises:
        ConflictError: when it does.
        BackupError: when ``pg_restore`` is missing or too old.
        DatabaseUnusableError: when it does not answer, or keeps no UTF-8.
    """
    with _connected(url) as connection:
        _program("pg_restore", connection)
        require_utf8(connection)
        query = text(
            "SELECT nspname FROM pg_namespace WHERE nspname = :ours "
            "OR starts_with(nspname, :of_deployments) ORDER BY nspname = :ours DESC LIMIT 1"
        )
        values = {"ours": CONTROL_SCHEMA, "of_deployments": deployment_schema("")}
        found = connection.execute(query, values).scalar_one_or_none()
    if found is not None:
        msg = (
            f"The database {masked_database_url(url)} holds a control plane already: it has a "
            f"schema {found!r}. Name an empty one, made with `createdb --encoding UTF8 --template "
            "template0 NAME`."
        )
        raise ConflictError(msg)


def restore_database(url: str, dump: Path) -> None:
    """Fill an empty database from a dump; all of it, or nothing.

    Raises:
        BackupError: when ``pg_restore`` is missing or fails.
        DatabaseUnusableError: when the database does not answer.
    """
    with _connected(url) as connection:
        program = _program("pg_restore", connection)
    _run(program, ["--single-transaction", "--exit-on-error", str(dump)], url)


def _facts(connection: Connection, url: str) -> DumpFacts:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        msg = (
            f"The database {masked_database_url(url)} holds no control plane. Correct --database, "
            "or start a new one with `dagstead up`."
        )
        raise DatabaseUnusableError(msg)
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    names = connection.execute(text("SELECT name FROM deployments ORDER BY id")).scalars()
    key = connection.execute(
        text("SELECT value ->> 'id' FROM properties WHERE name = :name"), {"name": CURRENT_KEY}
    ).scalar_one_or_none()
    return DumpFacts(revision=revision, deployments=tuple(names), master_key=key)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection in a transaction that sees one moment and changes nothing."""
    database = Database(url, pool_size=1)
    try:
        with database.read() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # It says nothing while a program works, which may take hours.
            with unhurried(connection):
                yield connection
    except StoreAwayError as error:
        msg = f"The database {masked_database_url(url)} cannot be used: {error.reason}."
        raise DatabaseUnusableError(msg) from error
    finally:
        database.close()


def _program(name: str, connection: Connection) -> str:
    """The path of one of Postgres' programs, which must not be older than the server."""
    number = connection.execute(text("SHOW server_version_num")).scalar_one()
    server = int(number) // 10000
    install = (
        f"Install the package postgresql-client-{server} (Debian, Ubuntu), "
        f"postgresql{server}-client (Alpine) or postgresql{server} (Fedora), or a newer one."
    )
    found = shutil.which(name)
    if found is None:
        msg = f"`{name}` is not installed here, and backups of Postgres need it. {install}"
        raise BackupError(msg)
    major = _major_version(found)
    if major is not None and major < server:
        msg = (
            f"`{name}` is too old here: it is of Postgres {major}, and the server is Postgres "
            f"{server}. {install}"
        )
        raise BackupError(msg)
    return found


def _major_version(program: str) -> int | None:
    """What a program of Postgres says of itself; ``None`` if it says nothing that is known."""
    said = subprocess.run(  # noqa: S603 - a program of Postgres, without a shell
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    ).stdout
    found = _VERSION.search(said)
    return int(found[1]) if found else None


def _run(program: str, arguments: Sequence[str], url: str) -> None:
    address, secret = _address(parse_database_url(url))
    common = ("--no-owner", "--no-privileges", "--no-password", f"--dbname={address}")
    done = subprocess.run(  # noqa: S603 - a program of Postgres, without a shell
        [program, *common, *arguments],
        env={**os.environ, **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.strip().splitlines()[-_SHOWN_LINES:])
        msg = f"{Path(program).name} failed on {masked_database_url(url)}: {said}"
        raise BackupError(msg)


def _address(url: URL) -> tuple[str, Mapping[str, str]]:
    """The URL for a command line, which every user can read, and the password beside it."""
    query = dict(url.query)
    password = query.pop("password", None) or url.password
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    # libpq does not take "+" for a space.
    more = urlencode(query, doseq=True, quote_via=quote)
    address = plain.render_as_string() + (f"?{more}" if more else "")
    return address, {"PGPASSWORD": str(password)} if password else {}
