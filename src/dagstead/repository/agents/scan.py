"""What reading agents' files gives: agents, remarks, and slips in what is written there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from dagstead.model.agents import Agent
from dagstead.model.source import Position
from dagstead.routing.remarks import Remark


class Mistake(StrEnum):
    """Ways to write agents that do not do what they say, by the code of the rule for each."""

    HELM_FLAG_MISPLACED = "DS401"
    HELM_FORM = "DS402"
    HELM_BY_FLAG = "DS403"
    VARIABLE = "DS404"
    MISPLACED = "DS405"
    FORM = "DS406"
    DEFAULT_BY_NAME = "DS407"
    #: A setting beside the queues, which the agent or its chart refuses.
    REFUSED = "DS420"
    UNREADABLE = "DS421"
    AGENTS_YAML = "DS422"


_OF_CHART = frozenset({Mistake.HELM_FLAG_MISPLACED, Mistake.HELM_FORM})


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """One place where the settings of an agent are written wrongly."""

    mistake: Mistake
    #: What is wrong, with the value: one sentence without a full stop.
    message: str
    #: What to write instead: one sentence without a full stop.
    advice: str
    position: Position

    def by_flag(self) -> Slip:
        """The same, set on a command line and not in a file of values."""
        if self.mistake in _OF_CHART:
            return replace(self, mistake=Mistake.HELM_BY_FLAG)
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentScan:
    """Agents that files define, and remarks about the files."""

    agents: tuple[Agent, ...] = ()
    remarks: tuple[Remark, ...] = ()
    slips: tuple[Slip, ...] = ()
    #: Whether there can be no other agents.
    is_whole: bool = False

    def __add__(self, other: AgentScan) -> AgentScan:
        return AgentScan(
            agents=self.agents + other.agents,
            remarks=self.remarks + other.remarks,
            slips=self.slips + other.slips,
            is_whole=self.is_whole or other.is_whole,
        )

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.agents or self.remarks or self.slips)

    def set_by_flags_at(self, places: Iterable[Position]) -> AgentScan:
        """The same; what is wrong within some places is said of flags, and not of values."""
        flags = list(places)
        inside = {
            each.position
            for each in self.slips
            if any(place.contains(each.position) for place in flags)
        }
        return replace(
            self,
            slips=tuple(each.by_flag() if each.position in inside else each for each in self.slips),
            remarks=tuple(
                replace(each, code=_of_flag(each.code)) if each.position in inside else each
                for each in self.remarks
            ),
        )


def _of_flag(code: str | None) -> str | None:
    return str(Mistake.HELM_BY_FLAG) if code in _OF_CHART else code
