"""Whoever listens wakes up, for its own topics only."""

from __future__ import annotations

import threading

from dagstead.control import bell
from dagstead.control.bell import LocalBell


def test_what_was_rung_before_the_wait_is_heard_once() -> None:
    local = LocalBell()
    with local.listen(bell.answered("a")) as listener:
        local.ring(bell.answered("a"), bell.releases("prod"))
        assert listener.wait(60)
        assert not listener.wait(0)


def test_other_topics_are_not_heard() -> None:
    local = LocalBell()
    with local.listen(bell.queue("prod", None)) as listener:
        local.ring(bell.queue("prod", "default"), bell.queue("staging", None), bell.answered("a"))
        assert not listener.wait(0)


def test_a_thread_that_waits_is_woken() -> None:
    local = LocalBell()
    heard: list[bool] = []
    with local.listen(bell.locations("prod")) as listener:
        thread = threading.Thread(target=lambda: heard.append(listener.wait(60)))
        thread.start()
        local.ring(bell.locations("prod"))
        thread.join(60)
    assert heard == [True]
