from __future__ import annotations

import pytest

from dagstead.testing import DeadlinePassedError, eventually


def test_returns_the_first_true_value() -> None:
    values = iter([None, 0, "ready", "later"])

    assert eventually(lambda: next(values), 5, "a value") == "ready"


def test_says_what_was_awaited_and_seen_when_time_runs_out() -> None:
    with pytest.raises(DeadlinePassedError, match=r"0 s for a heartbeat; last seen: \[\]"):
        eventually(list, 0, "a heartbeat")


def test_counts_the_named_exceptions_as_not_yet() -> None:
    outcomes = iter([ConnectionRefusedError("no"), None])

    def probe() -> bool:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return True

    assert eventually(probe, 5, "the port", retry_on=(ConnectionError,))


def test_lets_other_exceptions_through() -> None:
    def probe() -> bool:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        eventually(probe, 5, "anything", retry_on=(ConnectionError,))


def test_keeps_the_last_exception_as_the_cause() -> None:
    error = ConnectionRefusedError("nobody there")

    def probe() -> bool:
        raise error

    with pytest.raises(DeadlinePassedError) as caught:
        eventually(probe, 0, "the port", retry_on=(ConnectionError,))
    assert caught.value.__cause__ is error
