"""Backups and targets that are refused, with a sentence and without a trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dagstead.errors import BackupError, ConfigurationError, ConflictError, InvalidInputError
from dagstead.server.backup import take_backup
from dagstead.server.restore import restore_backup
from dagstead.server.settings_sources import load_settings
from dagstead.serverless.home import PoolHome
from dagstead.serverless.run_records import RunRecords
from dagstead.store.backup.manifest import MANIFEST
from tests.support.backups import NOON, Scene, at, blob, left_in, settings_of
from tests.support.sandboxes import without_walls, worker_of

pytestmark = pytest.mark.storage


def edit_manifest(backup: Path, **changes: object) -> None:
    file = backup / MANIFEST
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def damage(backup: Path, name: str) -> None:
    content = bytearray((backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / name).write_bytes(content)


BLOB = f"data/blobs/{blob(0)}"

#: How a backup may be damaged, and the sentence about it.
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit of a file": (lambda backup: damage(backup, BLOB), "number-0' is not what was backed up"),
    "a bit of the database": (lambda backup: damage(backup, "data/dagstead.db"), "dagstead.db' is"),
    "a file is missing": (lambda backup: (backup / BLOB).unlink(), "number-0' is missing"),
    "a bit of the manifest": (lambda backup: damage(backup, MANIFEST), f"{MANIFEST} has changed"),
    "another fact": (lambda backup: edit_manifest(backup, revision="0001"), "has changed"),
    "no manifest": (lambda backup: (backup / MANIFEST).unlink(), "is no whole backup"),
    "a newer format": (lambda backup: edit_manifest(backup, format=2), "has format 2, made by"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_backup_is_refused_and_leaves_nothing(on_sqlite: Scene, case: str) -> None:
    do_damage, sentence = DAMAGES[case]
    backup, target = on_sqlite.take(), on_sqlite.target()
    do_damage(backup)

    with pytest.raises(InvalidInputError, match=sentence):
        restore_backup(target, backup, at(NOON))

    assert not target.settings.data.exists() or not left_in(target.settings.data)


def test_a_damaged_database_makes_no_backup(on_sqlite: Scene) -> None:
    main = on_sqlite.data / "dagstead.db"
    content = main.read_bytes()
    main.write_bytes(content[: len(content) // 2])

    with pytest.raises(BackupError, match=r"dagstead.db' (is damaged|cannot be copied)"):
        on_sqlite.take()

    assert left_in(on_sqlite.folder) == {"data"}


def test_a_folder_that_holds_something_else_is_refused(on_sqlite: Scene) -> None:
    backup, target = on_sqlite.take(), on_sqlite.target()
    target.settings.data.mkdir()
    (target.settings.data / "lost+found").mkdir()
    other = target.settings.data / "thesis.txt"
    other.write_text("years of work")

    with pytest.raises(ConflictError, match="is not empty: it has 'thesis.txt'"):
        restore_backup(target, backup, at(NOON))
    assert left_in(target.settings.data) == {"thesis.txt", "lost+found"}

    other.unlink()
    restore_backup(target, backup, at(NOON))
    assert (target.settings.data / "dagstead.db").is_file()


def test_a_backup_of_sqlite_goes_into_no_other_database(on_sqlite: Scene) -> None:
    backup = on_sqlite.take()
    for url in ("postgresql://nobody@127.0.0.1:1/x", "sqlite:////tmp/elsewhere.db"):
        with pytest.raises(ConfigurationError, match="Leave out --database"):
            restore_backup(settings_of(on_sqlite.folder / "restored", url), backup, at(NOON))


def test_the_settings_file_comes_along_and_names_the_copy(on_sqlite: Scene) -> None:
    file = on_sqlite.folder / "elsewhere.toml"
    file.write_text(
        f'# ours\ndata = "{on_sqlite.data}"\nport = 4000 # of the proxy\npool = false\n'
    )
    loaded = load_settings({"config": file}, environment={})
    take_backup(loaded, on_sqlite.folder / "backup", at(NOON))
    target = on_sqlite.target()

    report = restore_backup(target, on_sqlite.folder / "backup", at(NOON))

    assert report.settings == ("port = 4000",)
    restored = load_settings({"data": target.settings.data}, environment={})
    assert restored.settings.data == target.settings.data
    assert not restored.settings.pool
    assert "# of the proxy" in (target.settings.data / "dagstead.toml").read_text()


def test_a_backup_does_not_go_into_the_data_that_it_copies(on_sqlite: Scene) -> None:
    with pytest.raises(ConfigurationError, match="lies in the data folder"):
        take_backup(on_sqlite.loaded, on_sqlite.data / "blobs" / "backup", at(NOON))


def test_a_process_of_the_original_is_none_of_the_copy(on_sqlite: Scene) -> None:
    """It may run on the same machine, and the copy must not end it."""
    home = PoolHome(root=on_sqlite.data / "pool")
    home.create()
    records = RunRecords(home=home, clock=at(NOON))
    with ExitStack() as stack:
        worker = records.start("run", worker_of(["/bin/sleep", "600"]), without_walls(home))
        stack.callback(worker.process.kill)
        backup, target = on_sqlite.take(), on_sqlite.target()
        restore_backup(target, backup, at(NOON))

        copied = RunRecords(home=PoolHome(root=target.settings.data / "pool"), clock=at(NOON))
        found = copied.find("run")
        assert found is not None
        found.process.kill()
        found.process.kill_left_over()

        assert not found.is_alive
        assert "restored from" in found.how_it_ended()
        assert [each.run_id for each in records.alive()] == ["run"]
