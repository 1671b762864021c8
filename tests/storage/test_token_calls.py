"""When agents last called, by token."""

from __future__ import annotations

from dagstead.plane.presence import DEAF_SECONDS, RECONNECT_SECONDS, SILENT_SECONDS
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


def test_while_no_server_listened_nobody_was_silent(store: Store, clock: ManualClock) -> None:
    """It was down or frozen, or its database was away."""

    def listen(seconds: float) -> None:
        for _ in range(int(seconds / 4)):
            clock.advance(4)
            store.token_calls.listening()

    store.token_calls.polled(7)
    listen(60)
    assert store.token_calls.presence().is_silent(7)

    clock.advance(DEAF_SECONDS)
    assert not store.token_calls.presence().is_silent(7)
    store.token_calls.listening()
    assert not store.token_calls.presence().is_silent(7), "it has had no time to call again"
    listen(RECONNECT_SECONDS)
    assert store.token_calls.presence().is_silent(7)
    assert set(store.token_calls.presence().calls) == {7}
