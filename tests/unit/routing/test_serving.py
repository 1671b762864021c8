"""Routing depends on nothing but the sets; what it says names the next step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dagstead.routing.serving import describe_unserved, serving

QUEUE = st.one_of(st.none(), st.sampled_from(["gpu", "eu", "hybrid-queue"]))


@given(queue=QUEUE, agents=st.lists(st.frozensets(QUEUE), max_size=5), data=st.data())
def test_who_serves_depends_on_the_sets_alone(
    queue: str | None, agents: list[frozenset[str | None]], data: st.DataObject
) -> None:
    found = serving(queue, agents)

    assert all(queue in each for each in found)
    shuffled = data.draw(st.permutations(agents))
    assert sorted(map(sorted_queues, serving(queue, shuffled))) == sorted(map(sorted_queues, found))
    assert serving(queue, [*agents, frozenset({queue})])


def sorted_queues(queues: object) -> list[str]:
    assert isinstance(queues, frozenset)
    return sorted(map(str, queues))


def test_a_wrong_queue_is_told_with_the_nearest_one() -> None:
    said = describe_unserved("hybrid-qeue", {"eu": {"hybrid-queue"}, "pool": {None}})

    assert "No running agent serves queue 'hybrid-qeue'. Did you mean 'hybrid-queue'?" in said
    assert "eu: hybrid-queue" in said
    assert "pool: (default queue)" in said


def test_no_agent_at_all_is_told_as_such() -> None:
    said = describe_unserved(None, {})

    assert "No agent is running that could serve the default queue" in said
    assert "dagstead agents list" in said
