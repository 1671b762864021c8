"""Backups that are taken while others write, restored elsewhere, on both databases."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event

import pytest
from sqlalchemy import text

from dagstead.errors import (
    ConflictError,
    InvalidInputError,
    MasterKeyError,
    UnauthenticatedError,
)
from dagstead.plane.deployments import Deployment, DeploymentKind
from dagstead.plane.leases import Fence
from dagstead.plane.pauses import Pause
from dagstead.plane.secrets import NewSecret, Place, SecretKind, home_of
from dagstead.plane.sign_ins import LinkUse
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.restore import restore_backup
from dagstead.server.services import opened_leadership
from dagstead.server.settings_sources import LoadedSettings
from dagstead.store.database import Database, newest_revision
from dagstead.store.key_sources import OWN_KEY_FILE
from dagstead.store.properties import PropertyStore
from dagstead.testing import eventually
from tests.support.backups import NOON, OpenPlane, Scene, at, blob, open_plane

pytestmark = pytest.mark.storage

PLACE = Place(kind=SecretKind.FULL, deployment="prod")
HOME = home_of(Deployment(id=1, name="prod", kind=DeploymentKind.FULL, created_at=0.0), ["prod"])

#: Rows and files are removed when so many newer ones are there.
KEPT = 20


@dataclass
class Writer:
    """Writes one number after another: into a file, our tables, then two storages of Dagster's."""

    plane: OpenPlane
    written: int = 0
    #: Numbers below it are old enough to be removed.
    old: int = 0
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        store, instance = self.plane.store, self.plane.instance("prod")
        for number in count():
            if self.stop.is_set():
                return
            store.blobs.put(blob(number), str(number).encode() * 1000)
            store.writes.begin("prod", str(number))
            instance.run_storage.set_cursor_values({"number": str(number)})
            instance.event_log_storage.add_dynamic_partitions("numbers", [str(number)])
            if 0 <= number - KEPT < self.old:
                self.forget(number - KEPT)
            self.written = number + 1

    def forget(self, number: int) -> None:
        """As retention has to do it: the row first."""
        with self.plane.store.database.write() as connection:
            connection.execute(text("DELETE FROM writes WHERE key = :key"), {"key": str(number)})
        self.plane.store.blobs.delete(blob(number))


@contextmanager
def writing(plane: OpenPlane) -> Iterator[Writer]:
    writer = Writer(plane)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(writer.run)
        try:
            eventually(lambda: writer.written > KEPT or running.done(), 60, "some numbers")
            yield writer
        finally:
            writer.stop.set()
            running.result()


def assert_one_moment(plane: OpenPlane) -> int:
    """No storage is ahead of the one that is written before it, or more than one behind.

    Returns:
        The last number.
    """
    instance = plane.instance("prod")
    with plane.store.database.read() as connection:
        rows = sorted(
            int(key) for key in connection.execute(text("SELECT key FROM writes")).scalars()
        )
    last = rows[-1]
    of_runs = int(instance.run_storage.get_cursor_values({"number"})["number"])
    of_events = len(instance.event_log_storage.get_dynamic_partitions("numbers")) - 1
    assert last >= of_runs >= of_events >= last - 1
    for number in rows:
        assert plane.store.blobs.get(blob(number)) == str(number).encode() * 1000
    return last


def test_a_backup_under_load_is_of_one_moment_and_has_every_file_of_its_rows(scene: Scene) -> None:
    with open_plane(scene.loaded) as plane, writing(plane) as writer:
        for turn in range(3):
            writer.old = before = writer.written
            backup = scene.take(f"backup-{turn}")
            target = scene.target(f"restored-{turn}")
            restore_backup(target, backup, at(NOON))
            with open_plane(target) as copy:
                assert assert_one_moment(copy) >= before - 1


def test_tokens_and_settings_are_those_of_the_original(scene: Scene) -> None:
    secret = new_secret(TokenKind.USER, "dagstead")
    with open_plane(scene.loaded) as plane:
        grant = Grant(deployments=["prod"])
        token = plane.store.tokens.create("ada", TokenKind.USER, secret, grant)
        plane.store.deployments.set_settings("prod", {"run_retries": {"max_retries": 3}})
        plane.store.sessions.begin(token.id, "of a browser", NOON * 2)
        plane.store.sign_in_links.add("of a person", NOON * 2)
        settings = plane.store.deployments.get("prod").settings
    target = scene.target()

    manifest = restore_backup(target, scene.take(), at(NOON)).manifest

    assert manifest.created_at == NOON
    assert manifest.revision == newest_revision()
    assert manifest.deployments == ("prod",)
    assert manifest.master_key is None
    with open_plane(target) as copy:
        assert copy.store.tokens.authenticate(secret).id == token.id
        # Who signs out now must not be signed in there.
        with pytest.raises(UnauthenticatedError, match="not signed in"):
            copy.store.sessions.holder("of a browser")
        assert copy.store.sign_in_links.use("of a person") is LinkUse.UNKNOWN
        assert copy.store.deployments.get("prod").settings == settings


def test_what_is_encrypted_is_restored_and_its_key_is_not(scene: Scene) -> None:
    with open_plane(scene.loaded) as plane:
        signing = plane.store.vault.signing_key()
        new = NewSecret(name="KEY", value="hunter2", places=frozenset({PLACE}))
        plane.store.secrets.set(new, "ada")
        master = plane.store.vault.current()
    backup, target = scene.take(), scene.target()

    report = restore_backup(target, backup, at(NOON))

    assert report.missing_key == report.manifest.master_key == master.id
    for file in (each for each in backup.rglob("*") if each.is_file()):
        content = file.read_bytes()
        for never in (master.text.encode(), master.material, signing.hex().encode(), b"hunter2"):
            assert never not in content, file
    with (
        open_plane(target) as copy,
        pytest.raises(MasterKeyError, match=f"needs the master key {master.id}"),
    ):
        copy.store.vault.signing_key()
    shutil.copytree(scene.data / OWN_KEY_FILE.parent, target.settings.data / OWN_KEY_FILE.parent)
    with open_plane(target) as copy:
        (sealed,) = copy.store.secrets.shown(HOME)
        assert copy.store.secrets.value(sealed) == "hunter2"
        assert copy.store.vault.signing_key() == signing


def test_a_copy_is_paused_and_led_at_once_while_the_original_runs(scene: Scene) -> None:
    def lead(loaded: LoadedSettings) -> Fence | None:
        leadership = leaderships.enter_context(opened_leadership(loaded.settings))
        return leadership.campaign()

    target = scene.target()
    with ExitStack() as leaderships:
        assert lead(scene.loaded) == Fence(1)

        restore_backup(target, scene.take(), at(NOON))

        assert lead(target) == Fence(2)
        with open_plane(target) as copy, open_plane(scene.loaded) as original:
            assert copy.store.properties.pause() == Pause(
                since=NOON, reason="It was restored from a backup of 2023-11-14 22:13 UTC."
            )
            assert original.store.properties.pause() is None
            assert original.store.leases.leader().holder is not None


def test_a_copy_of_an_older_version_is_paused_too(scene: Scene) -> None:
    database = Database(scene.loaded.settings.database_url)
    with database.write() as connection:
        connection.execute(text("DROP TABLE leader"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    database.close()
    target = scene.target()

    restore_backup(target, scene.take(), at(NOON))

    with closing(Database(target.settings.database_url)) as copy:
        assert PropertyStore(copy).pause() is not None


def test_nothing_of_a_backup_or_a_restored_folder_is_for_others(scene: Scene) -> None:
    umask = os.umask(0o022)
    try:
        backup, target = scene.take(), scene.target()
        restore_backup(target, backup, at(NOON))
    finally:
        os.umask(umask)

    for folder in (backup, target.settings.data):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_there_is_never_replaced(scene: Scene) -> None:
    backup, target = scene.take(), scene.target()
    restore_backup(target, backup, at(NOON))

    with pytest.raises(ConflictError, match="is not empty|holds a control plane already"):
        restore_backup(target, backup, at(NOON))
    with pytest.raises(ConflictError, match="exists already"):
        scene.take()


def test_a_newer_database_is_backed_up_and_refused_by_an_older_version(scene: Scene) -> None:
    database = Database(scene.loaded.settings.database_url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    backup = scene.take()

    with pytest.raises(InvalidInputError, match="newer Dagstead .*9999.*up to"):
        restore_backup(scene.target(), backup, at(NOON))
