"""A throw-away Postgres for one run of the tests, shared by all its workers."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql

from dagstead.testing.waiting import eventually
from tests.support.debian import postgres_program
from tests.support.ports import free_port

#: Postgres refuses to run as root, so root starts it as this user, whom Debian's package makes.
_UNPRIVILEGED_USER = "postgres"

_OPTIONS = "-c max_connections=300 -c listen_addresses=127.0.0.1 -c unix_socket_directories="

#: After a crash it reads its log again before it takes connections.
_RECOVERY_SECONDS = 60.0

#: Nothing here outlives the run, so nothing is forced to disk: many small databases are created.
_UNSAFE = "-c fsync=off -c full_page_writes=off"
_FORGETFUL = "-c synchronous_commit=off"


class PostgresCluster:
    """One Postgres server in a temporary folder, on a free port of 127.0.0.1.

    ``start`` and ``database`` may be called by any process that has the folder; the first one
    starts the server, under a lock. Only the process that made the folder calls ``remove``.
    """

    def __init__(self, folder: Path, *, crashes: bool = False, durable: bool = False) -> None:
        """What it keeps.

        Args:
            folder: for its data.
            crashes: what was committed when one of its processes is killed.
            durable: what was committed when the machine loses its power, as in production.
        """
        self._folder = folder
        options = [_OPTIONS]
        if not durable:
            options += [_UNSAFE] if crashes else [_UNSAFE, _FORGETFUL]
        self._options = " ".join(options)
        self._data = folder / "data"
        self._port_file = folder / "port"

    @classmethod
    def create(cls, *, crashes: bool = False, durable: bool = False) -> PostgresCluster:
        """Make an empty folder for it. Nothing is started, nor needed, until ``start``."""
        folder = Path(tempfile.mkdtemp(prefix="dagstead-postgres-"))
        return cls(folder, crashes=crashes, durable=durable)

    @property
    def folder(self) -> Path:
        """Where it lives: what another process needs to know of it."""
        return self._folder

    def start(self) -> None:
        """Start the server, unless another process of this run did so already."""
        with (self._folder / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            if not self._port_file.exists():
                port = self._start_server()
                self._port_file.write_text(str(port), encoding="ascii")

    def url(self, database: str) -> str:
        """The URL of a database of this server, as ``dagstead up --database`` takes it."""
        port = self._port_file.read_text(encoding="ascii")
        return f"postgresql://{self._user()}@127.0.0.1:{port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped at the end, connections or not."""
        self.start()
        name = f"test_{uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self, *, mode: str = "fast") -> None:
        """Stop the server; its connections are cut.

        ``mode`` is ``fast``, as for a restart, or ``immediate``, which is a crash.
        """
        self._run("pg_ctl", "stop", "-D", str(self._data), "-m", mode, "-w")

    def resume(self) -> None:
        """Serve again, on the same port, after ``stop``."""
        self._serve(self._port_file.read_text(encoding="ascii"))

    def start_again(self) -> None:
        """Serve again if the server has ended, as it does when it cannot write its log."""
        eventually(self._serves, _RECOVERY_SECONDS, "Postgres takes connections")

    def _serves(self) -> bool:
        # One that recovers from a crash takes no connections yet, and may still end.
        if not self._has_process():
            self.resume()
        with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
            return True
        return False

    def _has_process(self) -> bool:
        pid_file = self._data / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int(pid_file.read_text(encoding="ascii").split()[0])
            return pid in psutil.pids()
        return False

    def remove(self) -> None:
        """Stop the server, if it was started, and delete the folder."""
        if self._port_file.exists():
            self.stop(mode="immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_server(self) -> int:
        initdb = postgres_program("initdb")
        if self._runs_as_root():
            account = pwd.getpwnam(_UNPRIVILEGED_USER)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run(initdb.name, "-D", str(self._data), "-A", "trust", "--no-sync", "-E", "UTF8")
        port = free_port()
        self._serve(str(port))
        return port

    def _serve(self, port: str) -> None:
        log = str(self._folder / "log")
        options = f"{self._options} -p {port}"
        self._run("pg_ctl", "start", "-D", str(self._data), "-l", log, "-o", options, "-w")

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        user = _UNPRIVILEGED_USER if self._runs_as_root() else None
        with (self._folder / f"{program}.log").open("wb") as output:
            result = subprocess.run(
                [postgres_program(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                check=False,
            )
        if result.returncode != 0:
            said = Path(output.name).read_text(encoding="utf-8", errors="replace")
            message = f"{program} failed with {result.returncode}: {said}"
            raise RuntimeError(message)

    def _user(self) -> str:
        return _UNPRIVILEGED_USER if self._runs_as_root() else getpass.getuser()

    @staticmethod
    def _runs_as_root() -> bool:
        return os.geteuid() == 0
