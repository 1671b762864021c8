"""How much is kept of what a code server prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: What a code server prints when it starts, and what it ended with, are in it.
MOST_LINES: Final = 500
MOST_CHARACTERS: Final = 64_000
LINE_CHARACTERS: Final = 2_000


def tail_of(lines: Iterable[str], most_characters: int = MOST_CHARACTERS) -> list[str]:
    """The last lines that are kept of these; always whole ones.

    Args:
        lines: the oldest first.
        most_characters: of all of them together.
    """
    kept: list[str] = []
    left = most_characters
    for line in reversed(list(lines)[-MOST_LINES:]):
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    return kept[::-1]
