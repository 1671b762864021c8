"""When agents last called, by token."""

from __future__ import annotations

from dagstead.plane.presence import SILENT_SECONDS
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock


def test_a_call_is_kept_and_a_second_one_soon_after_costs_nothing(
    store: Store, clock: ManualClock
) -> None:
    assert store.token_calls.presence().is_silent(7) is None

    store.token_calls.polled(7)
    first = clock()
    clock.advance(1)
    store.token_calls.polled(7)
    store.token_calls.asked(7)

    calls = store.token_calls.presence().calls[7]
    assert (calls.polled_at, calls.asked_at) == (first, first + 1)
    clock.advance(SILENT_SECONDS)
    store.token_calls.polled(7)
    assert store.token_calls.presence().calls[7].polled_at == clock()
    assert not store.token_calls.presence().is_silent(7)


def test_a_server_that_begins_to_listen_has_heard_nobody_before(
    store: Store, clock: ManualClock
) -> None:
    store.token_calls.polled(7)
    clock.advance(60)
    assert store.token_calls.presence().is_silent(7)

    store.token_calls.listening()

    assert not store.token_calls.presence().is_silent(7)
    clock.advance(21)
    assert store.token_calls.presence().is_silent(7)
    assert set(store.token_calls.presence().calls) == {7}
