"""What reading agents' files gives: agents, remarks, and slips in how their queues are written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.agents import Agent
from dagstead.model.source import Position
from dagstead.routing.remarks import Remark


class Mistake(StrEnum):
    """The ways in which queues are written so that the agent does not serve them."""

    HELM_FLAG_MISPLACED = "includeDefaultQueue is not below agentQueues"
    HELM_FORM = "the chart does not take agentQueues in this form"
    VARIABLE = "an environment variable that nothing reads"
    MISPLACED = "agent_queues is not at the top level"
    FORM = "the agent does not take agent_queues in this form"
    DEFAULT_BY_NAME = "the default queue is named"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """One place where the queues of an agent are written wrongly."""

    mistake: Mistake
    #: What is wrong, with the value: one sentence without a full stop.
    message: str
    #: What to write instead: one sentence without a full stop.
    advice: str
    position: Position
    #: Whether it is set on a command line and not in a file of values.
    by_flag: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentScan:
    """Agents that files define, and remarks about the files."""

    agents: tuple[Agent, ...] = ()
    remarks: tuple[Remark, ...] = ()
    slips: tuple[Slip, ...] = ()

    def __add__(self, other: AgentScan) -> AgentScan:
        return AgentScan(
            agents=self.agents + other.agents,
            remarks=self.remarks + other.remarks,
            slips=self.slips + other.slips,
        )
