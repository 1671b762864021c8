"""Words that people write, and those that they probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

#: Letters and digits of a key: ``agent-queue``, ``agentQueue`` and ``agent_queue`` are one.
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
#: How much of two words must be the same: "modul" is near to "module_name", "port" not to "host".
_ALIKE = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    words = list(known)
    plain = {_plain(each): each for each in reversed(words)}
    lowered = {each.lower(): each for each in reversed(words)}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=_ALIKE)
    return plain.get(_plain(name)) or (lowered[close[0]] if close else None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the known word that was probably meant and a space before it, or nothing."""
    near = nearest(name, known)
    return "" if near is None else f" Did you mean {near!r}?"


def sentence(text: str) -> str:
    """Somebody else's words as a sentence of ours: with one full stop, whatever they end with."""
    kept = text.rstrip(" .\t\n")
    return kept if kept.endswith(("!", "?", "…")) else f"{kept}."


def kind_name(value: object) -> str:
    """What a value of YAML or JSON is, for a sentence."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        tuple: "a list",
    }
    return names.get(type(value), "another value")


def is_same_word(name: str, known: str) -> bool:
    """Whether two keys differ in case, hyphens and the like only."""
    return _plain(name) == _plain(known)


def _plain(name: str) -> str:
    """The letters and digits of a word; of one that has none all of it."""
    return _NOT_LETTERS.sub("", name.lower()) or name
