"""What rules judge: a project, and what is read of it once for all rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dagstead.repository.agents.discovery import agents_in_force, agents_written, find_slips
from dagstead.repository.agents.outlook import Outlook, look, with_pool
from dagstead.repository.agents.scan import AgentScan, Slip
from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.files.project import Project


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A project; its agents and workflows are read when the first rule asks for them."""

    project: Project
    #: The workflows, where they were followed already.
    followed: Inspection | None = None

    @cached_property
    def inspection(self) -> Inspection:
        """What the workflows of the repository do."""
        return inspect(self.project) if self.followed is None else self.followed

    @cached_property
    def slips(self) -> tuple[Slip, ...]:
        """Where the queues of agents are written so that they do not take effect."""
        return find_slips(self.project, self._agents_in_force)

    @cached_property
    def outlook(self) -> Outlook:
        """Which agents will run the locations, as far as the repository's files say."""
        found = agents_written(self.project, self._agents_in_force)
        return look(self.project, with_pool(found, self.project))

    @cached_property
    def _agents_in_force(self) -> AgentScan:
        return agents_in_force(self.project)
