"""Words that people write, and those that they probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

#: Letters and digits of a key: ``agent-queue``, ``agentQueue`` and ``agent_queue`` are one.
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    known = list(known)
    plain = {_NOT_LETTERS.sub("", each.lower()): each for each in known}
    same = plain.get(_NOT_LETTERS.sub("", name.lower()))
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    return same or (close[0] if close else None)


def is_same_word(name: str, known: str) -> bool:
    """Whether two keys differ in case, hyphens and the like only."""
    return _NOT_LETTERS.sub("", name.lower()) == _NOT_LETTERS.sub("", known.lower())
