"""What is said beside the routes: mistakes, likely mistakes, and what was taken for granted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from dagstead.model.source import Position


class Weight(StrEnum):
    """How bad it is, the worst first."""

    #: Work is not done, or done in the wrong place.
    ERROR = "error"
    #: Whether work is done cannot be said from here.
    UNKNOWN = "unknown"
    #: It works, and is probably not what is meant.
    WARNING = "warning"
    #: Something to know that need not be changed.
    NOTE = "note"


#: What a command ends with, by the worst that it has found.
EXIT_CODES = {Weight.ERROR: 1, Weight.UNKNOWN: 2, Weight.WARNING: 0, Weight.NOTE: 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """A command that leads on."""

    #: What for, in a few words.
    purpose: str
    command: str


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
    #: Other places that the same is to be said of.
    more: tuple[Position, ...] = ()
    #: Of the rule by which ``dagstead check`` reports the same.
    code: str | None = None
    #: Commands that lead on.
    steps: tuple[NextStep, ...] = ()
    #: Whether an answer is missing because of it, however heavy it is.
    leaves_open: bool = False
    #: The locations that it is about.
    locations: tuple[str, ...] = ()

    @property
    def sentences(self) -> str:
        """The message and the advice, each ended."""
        parts = [each for each in (self.message, self.advice) if each]
        return " ".join(each if each.endswith(("?", ".")) else f"{each}." for each in parts)

    def strictly(self) -> Remark:
        """The same where nothing may be doubtful: warnings are errors, a missing answer counts."""
        if self.weight is Weight.WARNING:
            return replace(self, weight=Weight.ERROR)
        if self.weight is Weight.NOTE and self.leaves_open:
            return replace(self, weight=Weight.UNKNOWN)
        return self


def exit_code(remarks: Iterable[Remark]) -> int:
    """1 when something is wrong, else 2 when something could not be found out, else 0."""
    weights = {each.weight for each in remarks}
    return next((EXIT_CODES[each] for each in Weight if each in weights), 0)


def ordered(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """The worst first, and each sentence once, with all its places."""
    alike: dict[tuple[object, ...], list[Remark]] = defaultdict(list)
    for each in remarks:
        alike[each.name, each.weight, each.code, each.message, each.advice].append(each)
    weights = list(Weight)
    joined = (_joined(each) for each in alike.values())
    return tuple(sorted(joined, key=lambda each: weights.index(each.weight)))


def _joined(alike: list[Remark]) -> Remark:
    places = [each.position for each in alike if each.position is not None]
    first, *more = dict.fromkeys(places) if places else (None,)
    return replace(
        alike[0],
        position=first,
        more=(*alike[0].more, *filter(None, more)),
        locations=tuple(dict.fromkeys(name for each in alike for name in each.locations)),
    )
