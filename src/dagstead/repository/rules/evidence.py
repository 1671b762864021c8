"""What rules judge: a project, and what is read of it once for all rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dagstead.repository.agents.discovery import find_slips
from dagstead.repository.agents.scan import Slip
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
        return find_slips(self.project)
