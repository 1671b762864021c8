"""The trail on both databases: a chain, whoever writes it, and whatever is done to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from dagstead.plane.trail import (
    PRUNE,
    Entry,
    Head,
    Result,
    Row,
    TrailFilter,
    Who,
    WhoKind,
    hash_of,
)
from dagstead.store.all import Store
from dagstead.store.database import Database
from dagstead.store.tables import properties, trail, trail_begun, trail_head
from dagstead.store.trail import TrailStore
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage

DAY = 86400.0
ADA = Who(kind=WhoKind.PERSON, name="ada", token_id=7, address="192.0.2.1")
JOB = Who(kind=WhoKind.CI, name="ci org/repo main", token_id=8, project="org/repo")


def entry(act: str = "tokens.revoke", who: Who = ADA, **more: object) -> Entry:
    values = {"result": Result.DONE, "object": "token 3", **more}
    return Entry(who=who, act=act, **values)  # type: ignore[arg-type]


def faults(store: Store, noted: Head | None = None) -> list[str]:
    check, _ = store.trail.verify(noted)
    return check.faults


def filled(store: Store, count: int) -> list[Row]:
    return [store.trail.append(entry(object=f"token {number}")) for number in range(1, count + 1)]


def changed(store: Store, *statements: object) -> None:
    with store.database.write() as connection:
        for each in statements:
            connection.execute(each)  # type: ignore[call-overload]


def test_an_untouched_trail_has_no_faults(store: Store) -> None:
    assert faults(store) == []
    rows = filled(store, 3)
    check, head = store.trail.verify()
    assert (check.faults, check.rows, check.first) == ([], 3, 1)
    assert head == Head(seq=3, hash=rows[-1].hash)
    assert [each.seq for each in store.trail.find(TrailFilter())] == [3, 2, 1]


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda _: [delete(trail).where(trail.c.seq == 3)], "Row 3 is missing."),
        (lambda _: [delete(trail).where(trail.c.seq <= 2)], "Rows 1 to 2 are missing at the begi"),
        (lambda _: [delete(trail).where(trail.c.seq >= 4)], "Rows 4 to 5 are missing at the end"),
        (lambda _: [delete(trail)], "Rows 1 to 5 are missing."),
        (
            lambda rows: [
                update(trail)
                .where(trail.c.seq == 3)
                .values(body=rows[2].body.replace("ada", "eva"), who="eva")
            ],
            "its hash is of another text",
        ),
        (
            lambda rows: [
                update(trail)
                .where(trail.c.seq == 3)
                .values(
                    body=(eva := rows[2].body.replace("ada", "eva")), who="eva", hash=hash_of(eva)
                )
            ],
            "Row 4 does not follow row 3",
        ),
        (
            lambda _: [update(trail).where(trail.c.seq == 3).values(who="eva")],
            "Row 3 was changed: it would be found as another one",
        ),
        (
            lambda _: [update(trail).where(trail.c.seq == 3).values(at=1.0)],
            "it would be found as another one",
        ),
        (
            lambda _: [update(trail).where(trail.c.seq == 3).values(body="{}")],
            "Row 3 cannot be read",
        ),
        (
            lambda rows: [
                update(trail).where(trail.c.seq == 2).values(seq=9),
                update(trail)
                .where(trail.c.seq == 3)
                .values(seq=2, body=rows[2].body.replace('"seq":3', '"seq":2')),
                update(trail).where(trail.c.seq == 9).values(seq=3),
            ],
            "Row 3 says that it is row 2",
        ),
    ],
)
def test_whatever_is_done_to_it_shows(
    store: Store, attack: Callable[[list[Row]], list[object]], said: str
) -> None:
    rows = filled(store, 5)
    changed(store, *attack(rows))
    assert said in " ".join(faults(store))


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_noted(
    store: Store, clock: ManualClock
) -> None:
    noted = Head(seq=3, hash=filled(store, 3)[-1].hash)
    store.trail.append(entry())
    assert faults(store, noted) == []
    changed(store, delete(trail), update(trail_head).values(seq=0, hash="0" * 64))
    clock.advance(1)
    filled(store, 5)
    assert faults(store) == []
    assert "was noted" in " ".join(faults(store, noted))
    assert "was noted" in " ".join(faults(store, Head(seq=30, hash="f" * 64)))


def test_what_is_old_goes_and_the_rest_still_hangs_together(
    store: Store, clock: ManualClock
) -> None:
    filled(store, 4)
    clock.advance(10 * DAY)
    newer = store.trail.append(entry(object="token 50"))
    assert store.trail.prune(20 * DAY) == 0
    assert store.trail.prune(5 * DAY) == 4
    newest, kept = store.trail.find(TrailFilter())
    assert kept == newer
    assert newest.said["act"] == PRUNE
    assert newest.said["after"]["rows"] == 4
    assert faults(store) == []
    # Once more, and then all that there is.
    clock.advance(10 * DAY)
    store.trail.append(entry())
    assert store.trail.prune(5 * DAY) == 2
    assert faults(store) == []
    clock.advance(10 * DAY)
    assert store.trail.prune(5 * DAY) == 2
    assert faults(store) == []
    # Of a trail in which nothing is done, nothing is removed for ever.
    clock.advance(10 * DAY)
    assert store.trail.prune(5 * DAY) == 0
    store.trail.append(entry())
    assert faults(store) == []
    changed(store, delete(trail).where(trail.c.act == PRUNE))
    assert faults(store) != []


def test_nothing_is_removed_that_a_sink_does_not_have(store: Store, clock: ManualClock) -> None:
    filled(store, 4)
    clock.advance(10 * DAY)
    assert store.trail.prune(DAY, at_most=2) == 2
    assert [each.seq for each in store.trail.find(TrailFilter())] == [5, 4, 3]
    assert store.trail.prune(DAY, at_most=0) == 0
    assert faults(store) == []


@pytest.fixture
def others(store: Store, database_url: str, clock: ManualClock) -> Iterator[list[TrailStore]]:
    """The stores of other processes."""
    assert store.trail.head().seq == 0
    with ExitStack() as stack:
        yield [
            TrailStore(stack.enter_context(closing(Database(database_url))), clock)
            for _ in range(4)
        ]


def test_processes_that_write_at_once_write_one_chain(
    store: Store, others: list[TrailStore]
) -> None:
    failures: list[BaseException] = []

    def write(own: TrailStore, number: int) -> None:
        try:
            for count in range(25):
                own.append(entry(object=f"{number} {count}"))
        except BaseException as error:  # noqa: BLE001 - the test sees it
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(own, number)) for number, own in enumerate(others)
    ]
    for each in threads:
        each.start()
    for each in threads:
        # Whoever looks meanwhile finds a chain, too.
        assert faults(store) == []
        each.join()
    assert failures == []
    check, head = store.trail.verify()
    assert (check.faults, check.rows, head.seq) == ([], 100, 100)
    # Each process's own rows are in the order in which it wrote them.
    named = [row.said["on"]["object"] for row in store.trail.after(0, 200)]
    for number in range(4):
        mine = [each for each in named if each.startswith(f"{number} ")]
        assert mine == [f"{number} {count}" for count in range(25)]


def test_one_removes_while_others_add(
    store: Store, others: list[TrailStore], clock: ManualClock
) -> None:
    filled(store, 50)
    clock.advance(10 * DAY)
    threads = [
        threading.Thread(target=lambda own=own: [own.append(entry()) for _ in range(10)])
        for own in others
    ]
    for each in threads:
        each.start()
    assert store.trail.prune(DAY) == 50
    for each in threads:
        each.join()
    assert faults(store) == []
    assert len(store.trail.find(TrailFilter())) == 41


def begun(connection: Connection) -> list[str]:
    return [row.entry["act"] for row in connection.execute(select(trail_begun))]


def test_the_first_change_of_an_act_leaves_a_trace_and_the_row_takes_its_place(
    store: Store,
) -> None:
    with store.trail.beginning(entry()) as act:
        with store.database.read() as connection:
            assert begun(connection) == []
        for name in ("one", "two"):
            with store.database.write() as connection:
                connection.execute(insert(properties).values(name=name, value=1))
                assert begun(connection) == ["tokens.revoke"]
    with store.database.read() as connection:
        assert begun(connection) == ["tokens.revoke"]
    store.trail.append(entry(), act)
    with store.database.read() as connection:
        assert begun(connection) == []
    # Whatever is written outside of an act leaves none.
    changed(store, delete(properties).where(properties.c.name == "one"))
    with store.database.read() as connection:
        assert begun(connection) == []


def test_a_change_that_is_rolled_back_leaves_no_trace(store: Store) -> None:
    with store.trail.beginning(entry()) as act:
        with pytest.raises(ZeroDivisionError), store.database.write() as connection:
            connection.execute(insert(properties).values(name="one", value=1 / 0))
        with store.database.read() as connection:
            assert begun(connection) == []
        changed(store, insert(properties).values(name="one", value=1))
        with store.database.read() as connection:
            assert begun(connection) == ["tokens.revoke"]
    store.trail.append(entry(), act)
    with store.database.read() as connection:
        assert begun(connection) == []


def test_an_act_whose_process_is_killed_is_in_the_trail(store: Store, clock: ManualClock) -> None:
    with store.trail.beginning(entry()):
        changed(store, insert(properties).values(name="one", value=1))
    # It never came to say how it went.
    assert store.trail.settle(900.0) == []
    clock.advance(901)
    (row,) = store.trail.settle(900.0)
    assert row.said["result"] == "unknown"
    assert (row.said["act"], row.said["on"]["object"]) == ("tokens.revoke", "token 3")
    assert row.said["who"]["name"] == "ada"
    assert store.trail.settle(0.0) == []
    assert faults(store) == []


def test_rows_are_found(store: Store, clock: ManualClock) -> None:
    began = clock()
    store.trail.append(entry("tokens.issue", object="token eva"))
    clock.advance(10)
    store.trail.append(entry("releases.begin", JOB, deployment="prod", object="release 5"))
    clock.advance(10)
    store.trail.append(entry("tokens_of.others", object="50% of it_all", result=Result.REFUSED))

    def found(**wanted: object) -> list[int]:
        asked = TrailFilter(**wanted)  # type: ignore[arg-type]
        return [row.seq for row in store.trail.find(asked)]

    assert found(who="ADA") == found(who="7") == [3, 1]
    assert found(who="org/REPO") == found(who="8") == [2]
    assert found(act="tokens.") == [1]
    assert found(act="tokens") == [3, 1]
    assert found(on="prod") == found(on="release 5") == [2]
    assert found(on="pro") == []
    assert found(on="50%") == found(on="it_a") == [3]
    assert found(on="itXa") == []
    assert found(result=Result.REFUSED) == [3]
    assert found(since=began + 10) == [3, 2]
    assert found(until=began + 10) == [1]
    assert found(limit=2) == [3, 2]
    assert found(limit=2, below=2) == [1]
    assert found(limit=-1) == []
    assert found(who="9" * 30) == []


def test_a_sink_begins_with_what_is_kept_and_remembers_where_it_is(
    store: Store, clock: ManualClock
) -> None:
    filled(store, 3)
    store.trail.keep_sinks(frozenset({"file", "syslog"}))
    file, syslog = store.trail.sinks()
    assert (file.name, file.position, file.waiting) == ("file", 0, 3)
    store.trail.note_sent("file", 2)
    store.trail.note_failing("syslog", "It is away.")
    first = clock()
    clock.advance(5)
    store.trail.note_failing("syslog", "It is still away.")
    store.trail.keep_sinks(frozenset({"file", "syslog"}))
    file, syslog = store.trail.sinks()
    assert (file.position, file.waiting, file.sent_at) == (2, 1, first)
    assert (syslog.failing_since, syslog.fault) == (first, "It is still away.")
    store.trail.keep_sinks(frozenset({"file"}))
    assert [each.name for each in store.trail.sinks()] == ["file"]
    clock.advance(10 * DAY)
    store.trail.prune(DAY, at_most=2)
    store.trail.keep_sinks(frozenset({"file", "webhook"}))
    assert [each.position for each in store.trail.sinks()] == [2, 2]


def test_texts_of_callers_break_neither_a_line_nor_a_database(store: Store) -> None:
    nasty = "a\nb\x00c\x1b[2J\u202e\ud800é" + "x" * 5000
    who = Who(kind=WhoKind.PERSON, name=nasty, address=nasty)
    row = store.trail.append(
        entry(
            who=who,
            object=nasty,
            deployment=nasty,
            reason=nasty,
            before={nasty: nasty, **{f"k{n}": "\u00e9" * 900 for n in range(9)}},
            after={str(n): "y" * 200 for n in range(900)},
        )
    )
    assert row.line.isascii()
    assert row.line.isprintable()
    assert len(row.line) < 8000
    assert store.trail.find(TrailFilter())[0] == row
    assert faults(store) == []
    with store.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM trail")).scalar_one() == 1
