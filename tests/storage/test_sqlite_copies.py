"""Copies of SQLite files are of one moment, whatever is written before and after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from dagstead.store.backup.sqlite import DatabaseGroup, copy_databases

pytestmark = pytest.mark.storage

NAMES = ("main", "runs", "events")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Databases as ours and Dagster's are, with one row."""
    found = {name: tmp_path / f"{name}.db" for name in NAMES}
    for file in found.values():
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE numbers (number INTEGER)")
        write(file, 1)
    return found


def write(file: Path, number: int) -> None:
    """Without waiting for anybody."""
    with closing(sqlite3.connect(file, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))


def rows(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM numbers")]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_nobody_writes_to_the_main_one_while_the_others_are_looked_at(
    files: dict[str, Path], tmp_path: Path
) -> None:
    def others() -> Iterator[DatabaseGroup]:
        for name in ("runs", "events"):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                write(files["main"], 2)
            # As by a process that is quicker.
            write(files[name], 2)
            yield DatabaseGroup(files=(files[name],))
            write(files[name], 3)

    copy_databases(files["main"], others, lambda file: tmp_path / "copies" / file.name)

    assert rows(tmp_path / "copies" / "main.db") == [1]
    assert rows(tmp_path / "copies" / "runs.db") == [1, 2]
    assert rows(tmp_path / "copies" / "events.db") == [1, 2]
    write(files["main"], 2)


def test_what_goes_with_its_deployment_meanwhile_is_left_out(
    files: dict[str, Path], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    looks = [
        [DatabaseGroup(files=(), lock=gone / ".lock")],
        [DatabaseGroup(files=(gone / "runs.db",))],
        [DatabaseGroup(files=(files["runs"],))],
    ]

    copy_databases(files["main"], lambda: looks.pop(0), lambda file: tmp_path / "c" / file.name)

    assert {path.name for path in (tmp_path / "c").iterdir()} == {"main.db", "runs.db"}
    assert not gone.exists()


def test_what_is_written_while_it_copies_waits_for_nobody_and_is_not_in_the_copy(
    files: dict[str, Path], tmp_path: Path
) -> None:
    group = DatabaseGroup(files=(files["runs"], files["events"]))

    def target(file: Path) -> Path:
        for each in files.values():
            write(each, 2)
        return tmp_path / "copies" / file.name

    copy_databases(files["main"], lambda: [group], target)

    for name, file in files.items():
        assert rows(tmp_path / "copies" / f"{name}.db") == [1]
        assert rows(file) == [1, 2, 2, 2]


def test_a_database_that_somebody_holds_is_waited_for_and_the_others_are_let_go(
    files: dict[str, Path], tmp_path: Path
) -> None:
    group = DatabaseGroup(files=(files["runs"], files["events"]))
    tries = []
    with ExitStack() as holder:

        def others() -> list[DatabaseGroup]:
            tries.append(rows(files["main"]))
            if len(tries) == 1:
                holder.enter_context(locked(files["events"]))
            else:
                holder.close()
            return [group]

        copy_databases(files["main"], others, lambda file: tmp_path / "copies" / file.name)

    assert len(tries) == 2
    assert {name: rows(tmp_path / "copies" / f"{name}.db") for name in NAMES} == {
        name: [1] for name in NAMES
    }
