"""Backups by Postgres' own programs, and where they fail."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from dagstead.errors import BackupError, ConfigurationError, ConflictError, DatabaseUnusableError
from dagstead.server.backup import take_backup
from dagstead.server.restore import restore_backup
from dagstead.server.settings_sources import load_settings
from dagstead.store.backup.manifest import DatabaseKind
from dagstead.store.lines import Patience
from dagstead.testing.waiting import eventually
from tests.support.backups import NOON, at, left_in, open_plane, settings_of
from tests.support.environments import own_environment
from tests.support.postgres import PostgresCluster
from tests.support.processes import ChildProcess

pytestmark = pytest.mark.storage


def test_a_database_with_a_control_plane_is_not_filled(
    postgres_cluster: PostgresCluster, tmp_path: Path
) -> None:
    with postgres_cluster.database() as url:
        loaded = settings_of(tmp_path / "data", url)
        with open_plane(loaded) as plane:
            plane.store.deployments.create("prod")
        backup = tmp_path / "backup"
        manifest = take_backup(loaded, backup, at(NOON))

        with pytest.raises(ConflictError, match="holds a control plane already.*'dagstead'"):
            restore_backup(settings_of(tmp_path / "restored", url), backup, at(NOON))

        assert manifest.database is DatabaseKind.POSTGRES
        assert not (tmp_path / "restored").exists()
        with pytest.raises(ConfigurationError, match="with Postgres. Name an empty database"):
            restore_backup(settings_of(tmp_path / "restored"), backup, at(NOON))


def test_postgres_own_programs_are_asked_for_by_their_package(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = settings_of(tmp_path / "data", postgres_url)
    with open_plane(loaded):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(BackupError, match=r"pg_dump. is not installed.*postgresql-client-\d+"):
            take_backup(loaded, tmp_path / "backup", at(NOON))
    assert left_in(tmp_path) == {"data"}


def test_programs_that_are_older_than_the_server_are_refused(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres' own refusal names no package, and an old ``pg_restore`` has only a riddle."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pg_dump").write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n')
    (programs / "pg_dump").chmod(0o755)
    loaded = settings_of(tmp_path / "data", postgres_url)
    with open_plane(loaded):
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        with pytest.raises(BackupError, match=r"of Postgres 9, .*Install .*postgresql-client-\d+"):
            take_backup(loaded, tmp_path / "backup", at(NOON))
    assert left_in(tmp_path) == {"data", "programs"}


def test_a_dump_takes_as_long_as_it_needs(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends what is idle in a transaction, and so is the snapshot that is dumped."""
    programs = tmp_path / "programs"
    programs.mkdir()
    real = shutil.which("pg_dump")
    seconds = Patience().idle + 1
    program = programs / "pg_dump"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] || sleep {seconds}\nexec {real} "$@"\n')
    program.chmod(0o755)
    loaded = settings_of(tmp_path / "data", postgres_url)
    with open_plane(loaded):
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        manifest = take_backup(loaded, tmp_path / "backup", at(NOON))
    assert [file.path for file in manifest.files] == ["postgres.dump"]


def test_a_password_is_in_no_command_line_and_no_message(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in named as the program notes what it was given, and fails as that does."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@ $PGPASSWORD" > "$0.given"\necho sorry >&2\nexit 1\n')
    program.chmod(0o755)
    url = postgres_url.replace("@", ":hunter%2F2@") + "?application_name=a+b&password=hunter3"
    loaded = settings_of(tmp_path / "data", url)
    with open_plane(loaded):
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        with pytest.raises(BackupError, match="pg_dump failed on .*: sorry") as failed:
            take_backup(loaded, tmp_path / "backup", at(NOON))

    assert "hunter" not in str(failed.value)
    *arguments, password = (programs / "pg_dump.given").read_text().split()
    assert password == "hunter3"
    assert "hunter" not in " ".join(arguments)
    assert "application_name=a%20b" in " ".join(arguments)


def test_a_database_without_a_control_plane_is_not_backed_up(
    postgres_url: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DatabaseUnusableError, match="holds no control plane"):
        take_backup(settings_of(tmp_path / "data", postgres_url), tmp_path / "backup", at(NOON))
    with pytest.raises(ConfigurationError, match="no control plane in .*data'"):
        take_backup(settings_of(tmp_path / "data"), tmp_path / "backup", at(NOON))
    assert left_in(tmp_path) == {"data"}


def test_a_settings_file_never_leads_a_copy_to_the_database_of_the_original(
    postgres_cluster: PostgresCluster, tmp_path: Path
) -> None:
    with postgres_cluster.database() as original, postgres_cluster.database() as empty:
        data = tmp_path / "data"
        data.mkdir()
        (data / "dagstead.toml").write_text(f'database = "{original}"\n')
        loaded = load_settings({"data": data}, environment={})
        with open_plane(loaded) as plane:
            plane.store.deployments.create("prod")
        take_backup(loaded, tmp_path / "backup", at(NOON))

        restore_backup(settings_of(tmp_path / "restored", empty), tmp_path / "backup", at(NOON))

        restored = load_settings({"data": tmp_path / "restored"}, environment={})
        assert restored.settings.database == empty


def test_what_a_failed_restore_has_written_is_removed(
    postgres_cluster: PostgresCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_cluster.database() as url, postgres_cluster.database() as empty:
        loaded = settings_of(tmp_path / "data", url)
        with open_plane(loaded):
            take_backup(loaded, tmp_path / "backup", at(NOON))
        target = settings_of(tmp_path / "restored", empty)
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "pg_restore").write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
        (programs / "pg_restore").chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

        with pytest.raises(BackupError, match="pg_restore failed on .*: no space left"):
            restore_backup(target, tmp_path / "backup", at(NOON))
        assert left_in(target.settings.data) == set()

        monkeypatch.undo()
        restore_backup(target, tmp_path / "backup", at(NOON))
        with open_plane(target) as copy:
            assert copy.store.deployments.all() == []


def test_a_backup_that_is_stopped_leaves_nothing(postgres_url: str, tmp_path: Path) -> None:
    data, programs = tmp_path / "data", tmp_path / "programs"
    with open_plane(settings_of(data, postgres_url)):
        programs.mkdir()
        program = programs / "pg_dump"
        program.write_text(
            '#!/bin/sh\n[ "$1" = --version ] && exit\necho begun >> "$0.begun"\nexec sleep 600\n'
        )
        program.chmod(0o755)
        environment = own_environment()
        path = f"{programs}:{os.environ['PATH']}"
        command: list[str | Path] = [
            "backup",
            tmp_path / "backup",
            "--data",
            data,
            "--database",
            postgres_url,
        ]
        with ChildProcess(
            [environment.program("dagstead"), *command],
            log=tmp_path / "programs" / "log",
            env={**environment.variables(), "PATH": path},
        ) as child:
            eventually((programs / "pg_dump.begun").exists, 60, "the dump")
            children = psutil.Process(child.pid).children()
            child.signal(signal.SIGTERM)
            assert child.wait(30) == 128 + signal.SIGTERM

    assert left_in(tmp_path) == {"data", "programs"}
    assert psutil.wait_procs(children, 10)[1] == []
