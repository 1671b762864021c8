"""Which queued runs may start, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from dagstead.plane.queue_board import HoldKind, QueueBoard, WaitingRun, choose
from dagstead.plane.queue_views import SlotHolder
from dagstead.plane.queues import Queue, QueuePause

NAMES = st.sampled_from([None, "gpu", "cpu"])


def waiting(run_id: str, queue: str | None) -> WaitingRun:
    return WaitingRun(run_id=run_id, location="weather", queue=queue, since=0.0)


def holders(count: int) -> list[SlotHolder]:
    return [SlotHolder(deployment="prod", run_id=f"h{i}", since=0.0) for i in range(count)]


def board(*queues: Queue, running: Mapping[str | None, int] | None = None) -> QueueBoard:
    return QueueBoard(
        now=100.0,
        queues={queue.name: queue for queue in queues},
        holders={name: holders(count) for name, count in (running or {}).items()},
    )


def test_a_paused_queue_holds_its_runs_and_no_others() -> None:
    pause = QueuePause(by="ada", since=1.0, note="Driver update")
    choice = choose(
        [waiting("a", "gpu"), waiting("b", None)], board(Queue(name="gpu", pause=pause))
    )
    assert [run.run_id for run in choice.order] == ["b"]
    assert choice.held["a"].kind is HoldKind.PAUSED
    assert choice.held["a"].pause == pause


def test_a_full_queue_says_which_runs_have_it() -> None:
    choice = choose([waiting("a", "gpu")], board(Queue(name="gpu", limit=2), running={"gpu": 2}))
    assert not choice.order
    hold = choice.held["a"]
    assert hold.kind is HoldKind.FULL
    assert (hold.queue.limit, [each.run_id for each in hold.holders]) == (2, ["h0", "h1"])


def test_what_has_no_room_yet_comes_after_everything_else() -> None:
    """Dagster cuts the list, and its own limits may keep back the first run of the queue."""
    runs = [waiting(each, "gpu") for each in "abc"] + [waiting("d", "cpu")]
    choice = choose(runs, board(Queue(name="gpu", limit=1, priority=9)))
    assert [run.run_id for run in choice.order] == ["a", "d", "b", "c"]
    assert not choice.held


def test_a_run_that_has_its_slot_is_never_held() -> None:
    """Whoever took it died: held back, it would keep its slot for ever."""
    pause = QueuePause(by="ada", since=1.0)
    taken = WaitingRun(run_id="a", location="weather", queue="gpu", since=0.0, has_slot=True)
    choice = choose(
        [waiting("b", "gpu"), taken],
        board(Queue(name="gpu", limit=1, pause=pause), running={"gpu": 1}),
    )
    assert [run.run_id for run in choice.order] == ["a"]
    assert set(choice.held) == {"b"}


def test_a_queue_with_a_higher_priority_goes_first() -> None:
    runs = [waiting("a", None), waiting("b", "cpu"), waiting("c", "gpu"), waiting("d", "gpu")]
    choice = choose(runs, board(Queue(name="gpu", priority=2), Queue(name="cpu", priority=-1)))
    assert [run.run_id for run in choice.order] == ["c", "d", "a", "b"]


@given(
    queues=st.lists(NAMES, max_size=20),
    limits=st.dictionaries(NAMES, st.integers(1, 4)),
    running=st.dictionaries(NAMES, st.integers(0, 5)),
    priorities=st.dictionaries(NAMES, st.integers(-2, 2)),
)
def test_no_run_is_lost_and_the_first_ones_fit(
    queues: list[str | None],
    limits: dict[str | None, int],
    running: dict[str | None, int],
    priorities: dict[str | None, int],
) -> None:
    runs = [waiting(str(number), queue) for number, queue in enumerate(queues)]
    known = board(
        *(
            Queue(name=name, limit=limits.get(name), priority=priorities.get(name, 0))
            for name in (None, "gpu", "cpu")
        ),
        running=running,
    )
    choice = choose(runs, known)
    assert {run.run_id for run in choice.order} | set(choice.held) == {run.run_id for run in runs}
    assert len(choice.order) + len(choice.held) == len(runs)
    # Of every queue, the oldest come first.
    for name in {run.queue for run in choice.order}:
        numbers = [int(run.run_id) for run in choice.order if run.queue == name]
        assert numbers == sorted(numbers)
    taken: Counter[str | None] = Counter()
    is_beyond = False
    for run in choice.order:
        room = known.room(run.queue)
        fits = room is None or taken[run.queue] < room
        taken[run.queue] += 1
        # What fits never comes after what does not.
        assert fits is not is_beyond or not fits
        is_beyond = is_beyond or not fits
