"""Secrets and master keys, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import (
    ConflictError,
    DamagedSecretError,
    DeploymentNotFoundError,
    MasterKeyError,
    TooManySecretsError,
)
from dagstead.plane.master_keys import new_master_key
from dagstead.plane.secrets import Place, SecretKind, SecretTarget
from dagstead.store.all import Store, open_store
from dagstead.store.key_sources import OWN_KEY_FILE, KeyFile, KeySource, KeyText
from dagstead.store.tables import properties, secrets
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.storage

PROD = SecretTarget(deployment="prod")


@pytest.fixture
def control(store: Store) -> Control:
    store.deployments.create("prod")
    return control_without_dagster(store)


def code_of(control: Control, location: str | None = None) -> dict[str, str]:
    """What code of prod gets."""
    prod = control.deployments.named(SYSTEM, "prod")
    found = control.secrets.for_code(SYSTEM, prod, location, ())
    return {each.name: each.value for each in found}


@pytest.fixture
def another(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> Iterator[Callable[[KeySource | None], Control]]:
    """Further processes on the same database."""
    opened: list[Store] = []

    def start(keys: KeySource | None = None) -> Control:
        store = open_store(
            database_url=database_url, blobs_folder=tmp_path / "blobs", clock=clock, keys=keys
        )
        opened.append(store)
        return control_without_dagster(store)

    yield start
    for each in opened:
        each.close()


def rows(store: Store) -> list[dict[str, object]]:
    with store.database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(secrets))]


def test_a_value_is_stored_encrypted_and_replaced(control: Control, store: Store) -> None:
    control.secrets.set(SYSTEM, "KEY", "hunter2 ünï", PROD)
    control.secrets.set(
        SYSTEM, "KEY", "of etl", SecretTarget(deployment="prod", locations=frozenset({"etl"}))
    )
    assert code_of(control) == {"KEY": "hunter2 ünï"}
    assert code_of(control, "etl") == {"KEY": "of etl"}
    control.secrets.set(SYSTEM, "KEY", "another", PROD)
    assert code_of(control) == {"KEY": "another"}
    assert len(rows(store)) == 2
    assert "hunter2" not in repr(rows(store))
    assert "another" not in repr(rows(store))
    assert control.secrets.remove(SYSTEM, "KEY", PROD) == 1
    assert code_of(control) == {}


def test_secrets_go_with_their_deployment(control: Control, store: Store) -> None:
    store.deployments.create("staging")
    control.secrets.set(SYSTEM, "KEY", "hunter2", PROD)
    store.deployments.delete("prod")
    assert rows(store) == []
    with pytest.raises(DeploymentNotFoundError):
        control.secrets.set(SYSTEM, "KEY", "hunter2", PROD)
    store.deployments.create("prod")
    assert code_of(control) == {}


def test_a_row_is_worth_nothing_in_another_place(control: Control, store: Store) -> None:
    """Whoever may write to the database, but has no key, can give no code another's secret."""
    for name, kind in (("LOCAL", SecretKind.LOCAL), ("FULL", SecretKind.FULL)):
        target = SecretTarget(deployment="prod", kinds=frozenset({kind}))
        control.secrets.set(SYSTEM, name, f"value of {name}", target)
    sealed = {row["name"]: row["sealed"] for row in rows(store)}
    attempts: list[dict[str, object]] = [
        {"name": "OTHER"},
        {"kind": "branches"},
        {"location": "etl"},
        {"deployment": None},
        {"sealed": sealed["LOCAL"]},
    ]
    branches = control.deployments
    for change in attempts:
        with store.database.write() as connection:
            before = connection.execute(select(secrets).where(secrets.c.name == "FULL")).one()
            connection.execute(update(secrets).where(secrets.c.id == before.id).values(**change))
        prod = branches.named(SYSTEM, "prod")
        with pytest.raises(DamagedSecretError, match="Set it again"):
            control.secrets.shown(SYSTEM, prod, (), with_values=True)
        with store.database.write() as connection:
            connection.execute(
                update(secrets).where(secrets.c.id == before.id).values(**before._mapping)
            )
    assert code_of(control) == {"FULL": "value of FULL"}


def test_there_is_room_for_many_and_not_for_any_number(control: Control, store: Store) -> None:
    control.secrets.set(SYSTEM, "KEY", "v", PROD)
    (row,) = rows(store)
    copies = [
        {**row, "id": number, "slot": str(number), "name": f"K{number}"}
        for number in range(10, 10 + 1999)
    ]
    with store.database.write() as connection:
        connection.execute(insert(secrets), copies)
    with pytest.raises(TooManySecretsError, match="2000 secrets of deployment 'prod'"):
        control.secrets.set(SYSTEM, "ONE_MORE", "v", PROD)
    control.secrets.set(SYSTEM, "KEY", "another", PROD)
    control.secrets.set(SYSTEM, "ONE_MORE", "v", SecretTarget())


def test_two_that_set_a_secret_at_once_leave_one_value(control: Control, store: Store) -> None:
    def put(number: int) -> None:
        control.secrets.set(SYSTEM, "KEY", f"value {number}", PROD)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(24)))
    assert len(rows(store)) == 1
    assert code_of(control)["KEY"].startswith("value ")


def work(plane: Control, letter: str, over: threading.Event) -> dict[str, str]:
    """Set secrets, and read all, until it is over; what was set."""
    written: dict[str, str] = {}
    while not over.is_set() or len(written) < 5:
        name = f"{letter}_{len(written)}"
        written[name] = f"value of {name}"
        plane.secrets.set(SYSTEM, name, written[name], PROD)
        found = code_of(plane)
        assert all(found[f"OLD_{each}"] == f"value {each}" for each in range(300))
        assert all(found[each] == value for each, value in written.items())
    return written


def test_rotation_under_load_loses_nothing(
    control: Control, another: Callable[[KeySource | None], Control]
) -> None:
    """Others read and write meanwhile, in this process and in another one."""
    for number in range(300):
        control.secrets.set(SYSTEM, f"OLD_{number}", f"value {number}", PROD)
    before = control.secrets.key(SYSTEM)
    assert before.used == {before.current: 301}
    elsewhere, over = another(None), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        here = threads.submit(work, control, "HERE", over)
        there = threads.submit(work, elsewhere, "THERE", over)
        try:
            after = control.secrets.rotate_key(SYSTEM)
            again = elsewhere.secrets.rotate_key(SYSTEM)
        finally:
            over.set()
        written = {**here.result(), **there.result()}
    assert len({before.current, after.current, again.current}) == 3
    found = code_of(control)
    assert {name: found[name] for name in written} == written
    assert len(found) == 300 + len(written)
    assert control.secrets.key(SYSTEM).used == {again.current: len(found) + 1}
    assert code_of(another(None)) == found


def test_two_rotations_at_once_end_with_one_key(
    control: Control, another: Callable[[KeySource | None], Control]
) -> None:
    for number in range(50):
        control.secrets.set(SYSTEM, f"KEY_{number}", "v", PROD)
    planes = [control, another(None), another(None)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda plane: plane.secrets.rotate_key(SYSTEM), planes))
    for plane in planes:
        assert len(code_of(plane)) == 50
        report = plane.secrets.key(SYSTEM)
        assert report.used == {report.current: 51}


def test_a_key_from_elsewhere_is_rotated_when_all_processes_have_both(
    database_url: str,
    tmp_path: Path,
    another: Callable[[KeySource | None], Control],
) -> None:
    old, new = new_master_key(), new_master_key()
    file = tmp_path / "mounted"
    file.write_text(old.text)
    one, two = another(KeyFile(file)), another(KeyText("DAGSTEAD_MASTER_KEY", old.text))
    one.deployments.create(SYSTEM, "prod")
    one.secrets.set(SYSTEM, "KEY", "hunter2", PROD)
    assert code_of(two) == {"KEY": "hunter2"}
    with pytest.raises(ConflictError, match="Put a new one"):
        one.secrets.rotate_key(SYSTEM)
    file.write_text(f"{new.text}\n{old.text}\n")
    # Who has both goes on with the old one until it is told.
    one.secrets.set(SYSTEM, "OTHER", "of then", PROD)
    assert code_of(two) == {"KEY": "hunter2", "OTHER": "of then"}
    one.secrets.rotate_key(SYSTEM)
    assert code_of(one) == {"KEY": "hunter2", "OTHER": "of then"}
    # A process that was forgotten says so, reads nothing, and writes nothing that others cannot.
    with pytest.raises(MasterKeyError, match=f"needs the master key {new.id}.*has: {old.id}"):
        code_of(two)
    with pytest.raises(MasterKeyError):
        two.secrets.set(SYSTEM, "KEY", "again", PROD)
    three = another(KeyText("DAGSTEAD_MASTER_KEY", new.text))
    assert code_of(three) == {"KEY": "hunter2", "OTHER": "of then"}
    assert database_url
    assert not (tmp_path / OWN_KEY_FILE).exists()


def test_a_rotation_that_was_broken_off_is_finished_by_the_next(
    control: Control, store: Store
) -> None:
    control.secrets.set(SYSTEM, "KEY", "hunter2", PROD)
    before = control.secrets.key(SYSTEM)
    taken = store.vault.take_over()
    control.secrets.set(SYSTEM, "LATER", "v", PROD)
    assert code_of(control) == {"KEY": "hunter2", "LATER": "v"}
    between = control.secrets.key(SYSTEM)
    assert between.used == {before.current: 2, taken.id: 1}
    after = control.secrets.rotate_key(SYSTEM)
    assert after.used == {after.current: 3}
    assert code_of(control) == {"KEY": "hunter2", "LATER": "v"}


def test_without_the_key_nothing_is_read_and_no_other_key_is_made(
    control: Control,
    tmp_path: Path,
    another: Callable[[KeySource | None], Control],
) -> None:
    control.secrets.set(SYSTEM, "KEY", "hunter2", PROD)
    key = tmp_path / OWN_KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    saved = key.read_text()
    key.unlink()
    forgetful = another(None)
    with pytest.raises(MasterKeyError, match="needs the master key .* has: none"):
        forgetful.secrets.require_key(SYSTEM)
    for attempt in (
        lambda: forgetful.secrets.set(SYSTEM, "KEY", "v", PROD),
        lambda: code_of(forgetful),
        lambda: forgetful.secrets.rotate_key(SYSTEM),
    ):
        with pytest.raises(MasterKeyError):
            attempt()
    assert not key.exists()
    key.write_text(saved)
    assert code_of(another(None)) == {"KEY": "hunter2"}
    key.unlink()
    lost = another(None)
    report = lost.secrets.rotate_key(SYSTEM, lost=True)
    assert report.used == {report.current: 1}
    assert code_of(lost) == {}
    lost.secrets.set(SYSTEM, "KEY", "again", PROD)
    assert code_of(another(None)) == {"KEY": "again"}


def test_the_signing_key_of_an_older_version_is_encrypted_and_kept(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    plain = "5a" * 32

    def start() -> Store:
        return open_store(database_url=database_url, blobs_folder=tmp_path / "b", clock=clock)

    def stored(store: Store) -> dict[str, str]:
        with store.database.read() as connection:
            found = connection.execute(select(properties.c.name, properties.c.value))
            return {row.name: json.dumps(row.value) for row in found}

    with closing(start()) as store:
        with store.database.write() as connection:
            connection.execute(insert(properties).values(name="signing_key", value=plain))
        assert store.vault.signing_key().hex() == plain
        assert set(stored(store)) == {"master_key", "sealed_signing_key"}
        assert plain not in repr(stored(store))
        # An older process that starts during the upgrade makes one of its own.
        with store.database.write() as connection:
            connection.execute(insert(properties).values(name="signing_key", value="6b" * 32))
    with closing(start()) as store:
        assert store.vault.signing_key().hex() == plain
        assert set(stored(store)) == {"master_key", "sealed_signing_key"}
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert plain.encode() not in file.read_bytes(), file


def test_a_place_is_a_row(control: Control, store: Store) -> None:
    kinds = frozenset({SecretKind.FULL, SecretKind.BRANCHES, SecretKind.LOCAL})
    target = SecretTarget(kinds=kinds, deployment="prod", locations=frozenset({"a", "b"}))
    control.secrets.set(SYSTEM, "KEY", "v", target)
    with store.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(secrets)).scalar_one()
        slots = connection.execute(text("SELECT slot FROM secrets")).scalars().all()
    assert count == 6
    assert Place(kind=SecretKind.LOCAL, deployment="prod", location="b").digest("KEY") in slots
    assert (
        control.secrets.remove(
            SYSTEM, "KEY", SecretTarget(deployment="prod", locations=frozenset({"a"}))
        )
        == 1
    )
