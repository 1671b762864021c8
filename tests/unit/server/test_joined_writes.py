"""The head of an answer and its body are one write, and nothing waits that could leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dagstead.server.joined_writes import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
LARGE = b"x" * 100_000


class Recorded(asyncio.Transport):
    """A connection that keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def written(act: Callable[[JoinedWrites, Recorded], None]) -> tuple[list[bytes], list[bytes]]:
    """What has left at once, and what in the end."""

    async def play() -> tuple[list[bytes], list[bytes]]:
        transport = Recorded()
        act(JoinedWrites(transport, asyncio.get_running_loop()), transport)
        at_once = list(transport.written)
        await asyncio.sleep(0)
        return at_once, transport.written

    return asyncio.run(play())


def test_head_and_body_leave_together() -> None:
    def act(writes: JoinedWrites, _: Recorded) -> None:
        writes.write(HEAD)
        writes.write(b"{}")

    assert written(act) == ([HEAD + b"{}"], [HEAD + b"{}"])


def test_a_head_whose_body_comes_later_leaves_alone() -> None:
    assert written(lambda writes, _: writes.write(HEAD)) == ([], [HEAD])


def test_a_body_that_is_empty_is_no_write() -> None:
    def act(writes: JoinedWrites, _: Recorded) -> None:
        writes.write(HEAD)
        writes.write(b"")

    assert written(act) == ([], [HEAD])


def test_what_is_large_is_not_copied() -> None:
    def act(writes: JoinedWrites, _: Recorded) -> None:
        writes.write(HEAD)
        writes.write(LARGE)
        writes.write(LARGE)

    assert written(act)[0] == [HEAD, LARGE, LARGE]


def test_many_parts_leave_in_their_order() -> None:
    def act(writes: JoinedWrites, _: Recorded) -> None:
        for number in range(101):
            writes.write(b"%d," % number)

    at_once, all_of_it = written(act)
    assert b"".join(all_of_it) == b"".join(b"%d," % number for number in range(101))
    assert len(at_once) == 50


def test_it_is_closed_after_what_was_written() -> None:
    def act(writes: JoinedWrites, transport: Recorded) -> None:
        writes.write(HEAD)
        writes.close()
        assert transport.closed

    assert written(act) == ([HEAD], [HEAD])


def test_what_the_client_no_longer_takes_is_dropped() -> None:
    def act(writes: JoinedWrites, transport: Recorded) -> None:
        writes.write(HEAD)
        transport.close()
        assert writes.is_closing()

    assert written(act) == ([], [])
