"""Memory that requests need for a moment, and how much of it all of them may have together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dagstead.errors import BusyError

#: A thread that waits cannot do anything else, and agents' calls have few.
_MOST_WAITING = 4


class MemoryBusyError(BusyError):
    """Too many large requests are under way. Send it again in a moment."""


@dataclass(slots=True)
class MemoryBudget:
    """Bytes that are lent and given back, from any thread.

    What is lent is an estimate. It is not measured: Python cannot say what a thread has.
    """

    total: int = 256 << 20
    #: How long a thread waits for others, in seconds.
    patience: float = 10.0
    _lent: int = 0
    _waiting: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def lent(self) -> int:
        """Bytes that are lent now."""
        return self._lent

    @contextmanager
    def lend(self, amount: int) -> Iterator[None]:
        """Have memory for the length of a block; wait for others to give some back.

        Whoever needs more than there is gets all of it, so alone.

        Raises:
            MemoryBusyError: when the others take too long, or many are waiting already.
        """
        amount = min(amount, self.total)
        with self._changed:
            if not self._fits(amount):
                self._wait_for(amount)
            self._lent += amount
        try:
            yield
        finally:
            self.give_back(amount)

    def take(self, amount: int, *, held: int = 0) -> None:
        """Have memory until it is given back, without waiting.

        Whoever is alone gets as much as it needs.

        Args:
            amount: how much more.
            held: what the caller has taken before.

        Raises:
            MemoryBusyError: when there is not as much.
        """
        with self._changed:
            if not self._fits(amount) and self._lent > held:
                raise MemoryBusyError
            self._lent += amount

    def give_back(self, amount: int) -> None:
        """Return what was taken."""
        with self._changed:
            self._lent -= amount
            self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return self._lent + amount <= self.total

    def _wait_for(self, amount: int) -> None:
        if self._waiting >= _MOST_WAITING:
            raise MemoryBusyError
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: self._fits(amount), self.patience):
                raise MemoryBusyError
        finally:
            self._waiting -= 1
