"""Every act says what the trail has of it, and leaves that: what was done, and what was refused."""

from __future__ import annotations

import contextlib
import inspect
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from dagstead.control.actor import COMMAND_LINE, NOBODY, SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.recording import recorded
from dagstead.control.trail_table import TRAIL, Quiet
from dagstead.control.trail_words import RowRule
from dagstead.errors import DagsteadError, ForbiddenError, NotFoundError, UnauthenticatedError
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trail import Result, Row, TrailFilter
from dagstead.store.all import open_store
from dagstead.store.tables import trail_begun, trail_head
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.unit.control.acts import INSIDERS, OUTSIDERS, World, acts, groups, world
from tests.unit.control.rights import WHO

ADDRESS = "192.0.2.7"
ADMINS = [each for each in acts() if isinstance(TRAIL[each], RowRule) and "admin" in WHO[each]]
HOUR = 3600.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    world(folder).store.close()
    return folder


@pytest.fixture
def made(template: Path, tmp_path: Path) -> Iterator[World]:
    folder = shutil.copytree(template, tmp_path / "world")
    store = open_store(
        database_url=f"sqlite:///{folder / 'plane.db'}",
        blobs_folder=folder / "blobs",
        clock=ManualClock(),
    )
    yield World(store=store, control=control_without_dagster(store))
    store.close()


def rows(made: World, **wanted: object) -> list[Row]:
    """The oldest first."""
    return made.store.trail.find(TrailFilter(**wanted))[::-1]  # type: ignore[arg-type]


def at(actor: Actor) -> Actor:
    return replace(actor, address=ADDRESS)


def admin(made: World) -> Actor:
    return at(made.actors(INSIDERS)["admin"])


def outsider(made: World) -> Actor:
    return at(made.actors(OUTSIDERS)["staging"])


def test_the_table_has_every_act_and_no_other() -> None:
    every = {
        f"{group}.{name}"
        for group, kind in groups().items()
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert set(TRAIL) == every


def test_an_act_of_which_nobody_has_decided_does_not_start() -> None:
    class Weather:
        def change(self, actor: Actor) -> None:
            raise AssertionError(actor)

    with pytest.raises(LookupError, match="what the trail has of weather.change"):
        recorded(Weather, "weather")


def test_no_group_is_left_out(made: World) -> None:
    for name, kind in groups().items():
        group = getattr(made.control, name)
        assert isinstance(group, kind)
        assert type(group) is recorded(kind, name), name


@pytest.mark.parametrize("act", ADMINS)
def test_what_is_done_is_recorded_and_no_secret_with_it(act: str, made: World) -> None:
    before = len(rows(made))
    attempt = made.attempt(act)
    try:
        attempt(admin(made))
    except ForbiddenError:
        raise
    except DagsteadError:
        expected = Result.FAILED
    else:
        expected = Result.DONE
    made.control.recorder.write_down(all_of_them=True)
    row = rows(made)[before]
    said = row.said
    assert (said["act"], said["result"]) == (act, str(expected))
    assert said["who"] == {"kind": "person", "name": "admin", "token": 1, "address": ADDRESS}
    assert said["on"], "say what it is done on"
    for secret in ("hunter2", "another", "user:dagstead:", "agent:dagstead:"):
        assert secret not in row.line
    with made.store.database.read() as connection:
        assert connection.execute(select(trail_begun)).all() == []
    assert made.store.trail.verify()[0].faults == []


#: Whose refusal is an empty list; and what is recorded as the job's own.
NOBODYS = {"deployments.granted", "overview.locations", "overview.releases", "trust.exchange"}


@pytest.mark.parametrize("act", [each for each in acts() if each not in NOBODYS])
def test_what_is_refused_is_recorded(act: str, made: World) -> None:
    attempt = made.attempt(act)
    actor = at(NOBODY)
    try:
        attempt(actor)
    except ForbiddenError:
        pass
    else:
        pytest.fail("nobody may do that")
    (row,) = rows(made)
    # Some ask another act of theirs first.
    assert row.said["act"].partition(".")[0] == act.partition(".")[0]
    assert row.said["result"] == "refused"
    assert row.said["who"] == {"kind": "nobody", "name": "nobody", "address": ADDRESS}
    assert row.said["reason"]


@pytest.mark.parametrize("act", [each for each in acts() if isinstance(TRAIL[each], Quiet)])
def test_what_comes_by_itself_leaves_no_row(act: str, made: World) -> None:
    attempt = made.attempt(act)
    with contextlib.suppress(DagsteadError):
        attempt(SYSTEM)
    assert rows(made) == []


def test_a_row_has_what_was_before_and_after(made: World) -> None:
    prod = made.store.deployments.get("prod")
    settings = {**prod.settings, "run_retries": {"max_retries": 4}}
    made.control.deployments.set_settings(admin(made), prod, settings)
    (row,) = rows(made)
    assert row.said["on"] == {"deployment": "prod", "object": "settings"}
    assert "before" in row.said
    assert row.said["before"] == {}
    assert row.said["after"] == {"run_retries": {"max_retries": 4}}
    agent = next(each for each in made.store.tokens.all() if each.name == "staging agent")
    made.control.tokens.revoke(admin(made), agent.id)
    (row,) = rows(made, act="tokens.")
    assert (row.said["before"], row.said["after"]) == ({"is_revoked": False}, {"is_revoked": True})


def test_who_is_told_apart(made: World) -> None:
    tokens = made.store.tokens
    job = Grant(deployments=["prod"], repository="org/repo")
    tokens.create("ci org/repo main", TokenKind.USER, "user:dagstead:ci", job)
    reader = made.control.token_reader
    ci = Actor.holding(reader.of_secret("user:dagstead:ci"), ADDRESS)
    pool = made.actors(INSIDERS)["pool"]
    for actor in (ci, pool, COMMAND_LINE):
        with pytest.raises(DagsteadError):
            made.control.tokens.revoke(actor, 4711)
    kinds = [row.said["who"] for row in rows(made)]
    assert [each["kind"] for each in kinds] == ["CI job", "managed pool", "command line"]
    assert kinds[0]["project"] == "org/repo"
    # The user of this machine, and its name.
    assert kinds[2]["name"] not in {"", COMMAND_LINE.name}
    assert kinds[2]["address"]


def test_a_secret_that_is_seen_is_recorded_by_its_name(made: World) -> None:
    prod = made.store.deployments.get("prod")
    target = SecretTarget(deployment="prod")
    made.control.secrets.set(admin(made), "PASSWORD", "correct horse", target)
    made.control.secrets.shown(COMMAND_LINE, prod, ())
    made.control.secrets.shown(COMMAND_LINE, prod, (), with_values=True)
    set_, seen = rows(made)
    assert set_.said["on"] == {"deployment": "prod", "object": "secret PASSWORD"}
    assert seen.said["after"] == {"seen": ["KEY", "PASSWORD"]}
    assert "correct horse" not in set_.line + seen.line


def test_sign_ins_are_recorded(made: World) -> None:
    sessions = made.control.sessions
    link = made.control.sign_ins.new_link(SYSTEM)
    issued = sessions.use_link(link.code, "bea", "dagstead", ADDRESS)
    session = sessions.begin(issued.token, 60.0, ADDRESS)
    sessions.end(session.secret, ADDRESS)
    sessions.end(session.secret, ADDRESS)
    with pytest.raises(ForbiddenError):
        sessions.use_link(link.code, "eva", "dagstead", ADDRESS)
    with pytest.raises(UnauthenticatedError):
        made.control.token_reader.of_secret("user:dagstead:guessed", ADDRESS)
    found = [(row.said["act"], row.said["result"]) for row in rows(made)]
    assert found == [
        ("sign_ins.new_link", "done"),
        ("sessions.use_link", "done"),
        ("sessions.begin", "done"),
        ("sessions.end", "done"),
        ("sessions.use_link", "refused"),
        ("token_reader.of_secret", "refused"),
    ]
    lines = "".join(row.line for row in rows(made))
    assert not any(each in lines for each in (link.code, session.secret, issued.secret, "guessed"))


def test_a_flood_of_refusals_is_a_few_rows(made: World) -> None:
    actor, clock = outsider(made), made.store.clock
    assert isinstance(clock, ManualClock)
    attempts = [made.attempt(act) for act in acts() if act.startswith(("tokens", "releases"))]
    for _ in range(150):
        for attempt in attempts:
            with pytest.raises(ForbiddenError):
                attempt(actor)
    assert len(rows(made, limit=1000)) < 50
    clock.advance(HOUR)
    made.control.trail.write_down(SYSTEM)
    found = rows(made, limit=1000)
    assert len(found) < 60
    # None of them is lost.
    assert sum(row.said.get("count", 1) for row in found) == 150 * len(attempts)
    assert made.store.trail.verify()[0].faults == []


def test_a_flood_of_addresses_is_a_few_rows(made: World) -> None:
    for number in range(300):
        with pytest.raises(UnauthenticatedError):
            made.control.token_reader.of_secret("x", f"2001:db8::{number:x}")
    assert len(rows(made, limit=1000)) < 20


def test_failures_that_change_nothing_are_counted_together(made: World) -> None:
    for _ in range(200):
        with pytest.raises(NotFoundError):
            made.control.tokens.revoke(admin(made), 4711)
    made.control.recorder.write_down(all_of_them=True)
    found = rows(made)
    assert [row.said.get("count", 1) for row in found] == [1, 9, 90, 100]
    assert {row.said["result"] for row in found} == {"failed"}


def test_a_trail_that_cannot_be_written_fails_no_act(
    made: World, caplog: pytest.LogCaptureFixture
) -> None:
    with made.store.database.write() as connection:
        connection.execute(delete(trail_head))
    assert made.control.pauses.begin(admin(made))
    with pytest.raises(ForbiddenError):
        made.control.pauses.end(outsider(made))
    assert made.store.properties.pause() is not None
    assert "Could not add to the trail" in caplog.text
    # It is not forgotten: the act's first change has left a trace.
    with made.store.database.write() as connection:
        connection.execute(trail_head.insert().values(name="trail", seq=0, hash="0" * 64))
    made.store.trail.settle(-1.0)
    (row,) = rows(made)
    assert (row.said["act"], row.said["result"]) == ("pauses.begin", "unknown")


def test_every_process_writes_what_it_has_counted_before_it_ends(made: World) -> None:
    control: Control = made.control
    for _ in range(7):
        with pytest.raises(ForbiddenError):
            control.pauses.begin(outsider(made))
    control.trail.write_down(SYSTEM)
    assert [row.said.get("count", 1) for row in rows(made)] == [1]
    control.trail.write_down(SYSTEM, all_of_them=True)
    control.trail.write_down(SYSTEM, all_of_them=True)
    assert [row.said.get("count", 1) for row in rows(made)] == [1, 6]
