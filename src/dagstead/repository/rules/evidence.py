"""What rules judge: a project, and what is read of it once for all rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.files.project import Project


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A project with its workflows, which are followed when the first rule asks for them."""

    project: Project
    #: The workflows, where they were followed already.
    followed: Inspection | None = None

    @cached_property
    def inspection(self) -> Inspection:
        """What the workflows of the repository do."""
        return inspect(self.project) if self.followed is None else self.followed
