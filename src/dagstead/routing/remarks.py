"""What is said beside the routes: mistakes, likely mistakes, and what was taken for granted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.source import Position


class Weight(StrEnum):
    """How bad it is."""

    #: Work is not done, or done in the wrong place.
    ERROR = "error"
    #: It works, and is probably not what is meant.
    WARNING = "warning"
    #: What was taken for granted, because no file says it.
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One thing to know."""

    #: In words, with hyphens: programs distinguish remarks by it.
    name: str
    weight: Weight
    #: What is so, with the value: one sentence without a full stop.
    message: str
    #: What to do: one sentence without a full stop, empty where nothing is to do.
    advice: str = ""
    position: Position | None = None
    #: The locations that it is about.
    locations: tuple[str, ...] = ()

    @property
    def sentences(self) -> str:
        """The message and the advice, each ended."""
        parts = [each for each in (self.message, self.advice) if each]
        return " ".join(each if each.endswith(("?", ".")) else f"{each}." for each in parts)
