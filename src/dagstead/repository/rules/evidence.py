"""What rules judge: a project, and what is read of it once for all rules."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dagstead.model.location import Kind, Location
from dagstead.repository.agents.discovery import agents_in_force, agents_written, find_slips
from dagstead.repository.agents.outlook import Outlook, look, with_pool
from dagstead.repository.agents.scan import AgentScan, Slip
from dagstead.repository.changes.filter_paths import watched_paths
from dagstead.repository.ci.acts import BuildMethod
from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.files.project import Project, is_outside
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.needs import NeedsReader
from dagstead.repository.rules.visit import file_exists, folder_exists


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
    def watched(self) -> Mapping[str, tuple[str, ...]]:
        """The files and folders that each location is made from, by its name."""
        return watched_paths(self.project)

    @cached_property
    def pex_builds(self) -> tuple[tuple[Location, Path], ...]:
        """The locations that are built as PEX files, with their build directories."""
        return tuple(
            (each, self.project.root / each.build_folder)
            for each in self.project.locations
            if each.kind is Kind.SERVERLESS
            and not is_outside(each.build_folder)
            and folder_exists(self.project, each.build_folder)
            and self._is_pex(each)
        )

    @cached_property
    def pex_folders(self) -> Mapping[str, Path]:
        """The same build directories, by the names of the locations."""
        return {location.name.value: folder for location, folder in self.pex_builds}

    def _is_pex(self, location: Location) -> bool:
        """Whether a workflow builds a PEX file of it, or none shows how it is built."""
        ways = {act.strategy for act in self.inspection.builds_of(location)}
        if ways:
            return bool(ways & {BuildMethod.PEX, BuildMethod.BY_KIND})
        return not file_exists(self.project, posixpath.join(location.build_folder, "Dockerfile"))

    @cached_property
    def documents(self) -> TomlFiles:
        """The documents of TOML that rules look into."""
        return TomlFiles()

    @cached_property
    def needs(self) -> NeedsReader:
        """What folders of the repository say that they need."""
        return NeedsReader(self.project.repository, self.documents)

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
