"""What is deployed: which of the files that were read are in force, and why others are not.

``dagster_cloud.yaml`` defines locations where the official command line or its action is used, dg's
tables where ``dg plus deploy`` is, never both. The file at the root is what is deployed unless CI
names others. Everything here is a function of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dagstead.model.families import Family
from dagstead.repository.files.cloud_choice import choose_cloud, has_names, names_of, nearest
from dagstead.repository.files.dg import dg_section
from dagstead.repository.files.dg_choice import DgProjects
from dagstead.repository.files.families import gives_other_name
from dagstead.repository.files.named import NamedFiles
from dagstead.repository.files.project import ConfigFile, LeftOut
from dagstead.repository.files.set_aside import is_example, other_tool, why_set_aside


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployedFiles:
    """Which files are in force."""

    #: The files that count, in the order of their paths.
    files: tuple[ConfigFile, ...]
    #: The ``dagster_cloud.yaml`` files whose locations are deployed.
    cloud: frozenset[str]
    #: The folders of the dg projects that are deployed.
    projects: frozenset[str]
    #: The folders of the dg projects that define again what is in force.
    repeated: frozenset[str]
    #: The ``dagster_cloud.yaml`` files that do.
    again: frozenset[str]
    left_out: tuple[LeftOut, ...]
    #: Whether what CI names could change it.
    is_open: bool


def everything(files: Sequence[ConfigFile], root_name: str) -> DeployedFiles:
    """Every file as if it was in force: for what compares all that is written."""
    return DeployedFiles(
        files=tuple(each for each in files if not _is_above(each)),
        cloud=frozenset(each.path for each in files if each.family is Family.CLOUD),
        projects=frozenset(DgProjects(files=files, root_name=root_name).names),
        repeated=frozenset(),
        again=frozenset(),
        left_out=(),
        is_open=False,
    )


def decide(files: Sequence[ConfigFile], named: NamedFiles, root_name: str) -> DeployedFiles:
    """Which of the files that were read are in force.

    Args:
        files: what was read, in the order of their paths.
        named: what CI and scripts name.
        root_name: the name of the root's own folder, the default name of a dg project there.
    """
    dg = DgProjects(files=files, root_name=root_name)
    cloud = choose_cloud(files, named, has_projects=bool(dg.names))
    picked = _FilePicker(files=files, dg=dg, agents=cloud.agents, reasons=dict(cloud.reasons))
    picked.by_tool(cloud.chosen, named)
    picked.add_repeated()
    unsure = any(is_example(each) for each in picked.cloud) or any(
        each.family is Family.WORKFLOW and gives_other_name(each.source.text) for each in files
    )
    return DeployedFiles(
        files=tuple(picked.files_in_force()),
        cloud=picked.cloud,
        projects=picked.projects,
        repeated=picked.repeated,
        again=picked.again - picked.cloud,
        left_out=tuple(
            LeftOut(path=path, reason=why, is_expected=why_set_aside(path) is not None)
            for path, why in sorted(picked.reasons.items())
        ),
        is_open=unsure or bool(picked.reasons or picked.agents or (picked.cloud and dg.names)),
    )


@dataclass(kw_only=True)
class _FilePicker:
    files: Sequence[ConfigFile]
    dg: DgProjects
    #: ``dagster_cloud.yaml`` files that hold the configuration of an agent.
    agents: frozenset[str]
    #: Why files are not in force, by their paths.
    reasons: dict[str, str]
    cloud: frozenset[str] = frozenset()
    #: ``dagster_cloud.yaml`` files that define again what is in force.
    again: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()

    def by_tool(self, cloud: frozenset[str], named: NamedFiles) -> None:
        """Take the files of the tool that is used; of both where CI names files for both."""
        given = frozenset(self.dg.given(named))
        if given and not (named.cloud | named.mentioned) & cloud:
            why = "`dg plus deploy` deploys here, and does not read it"
            self.reasons |= dict.fromkeys(cloud, why)
            cloud = frozenset()
        self.cloud = cloud
        defining = self._defining(cloud)
        projects = set(given | (named.folders & self.dg.names.keys()))
        for folder in self.dg.names.keys() - projects:
            reason = self.dg.why_not(folder)
            if reason is None and defining:
                reason = f"{nearest(defining)} is, and no workflow runs `dg plus deploy`"
            if reason is None:
                projects.add(folder)
            else:
                self.reasons[self.dg.path(folder)] = reason
        self.projects = frozenset(projects)

    def _defining(self, cloud: frozenset[str]) -> frozenset[str]:
        """Those that define locations, or may do so, as they cannot be read."""
        return frozenset(
            each.path
            for each in self.files
            if each.path in cloud
            and (has_names(each) or (each.root is None and each.source.text.strip()))
        )

    def add_repeated(self) -> None:
        """Take files, too, that define nothing but what files in force define."""
        names = {name for each in self.files if each.path in self.cloud for name in names_of(each)}
        names |= {self.dg.names[each] for each in self.projects}
        self.repeated = frozenset(
            folder
            for folder, name in self.dg.names.items()
            if name in names
            and folder not in self.projects
            and not why_set_aside(self.dg.path(folder))
        )
        self.again = frozenset(each.path for each in self.files if self._is_again(each, names))
        for path in (*self.again, *(self.dg.path(each) for each in self.repeated)):
            self.reasons.pop(path, None)

    def _is_again(self, file: ConfigFile, names: set[str]) -> bool:
        written = names_of(file) if file.path in self.reasons else frozenset()
        if not written or not written <= names:
            return False
        aside = why_set_aside(file.path, file.source.text)
        return aside is None and other_tool(file) is None

    def files_in_force(self) -> Iterator[ConfigFile]:
        """The files that count."""
        for each in self.files:
            if each.path in self.agents:
                yield replace(each, family=Family.AGENT)
            elif not _is_above(each) and self._counts(each):
                yield each

    def _counts(self, file: ConfigFile) -> bool:
        folder = file.folder or "."
        match file.family:
            case Family.CLOUD:
                return file.path in self.cloud or file.path in self.again
            case Family.DG if dg_section(file) is None:
                return True
            case Family.DG:
                return self._is_used_by_dg(folder) and why_set_aside(file.path) is None
            case Family.DG_BUILD | Family.DG_CONTEXT:
                return self._is_used_by_dg(folder) and folder in self.dg.settings
            case _:
                return True

    def _is_used_by_dg(self, folder: str) -> bool:
        if folder in self.dg.names:
            return folder in self.projects or folder in self.repeated
        return bool(self.projects or self.repeated or not self.cloud)


def _is_above(file: ConfigFile) -> bool:
    """Whether it lies above the root, and only says where uv's workspace is."""
    return file.path.startswith("../")
