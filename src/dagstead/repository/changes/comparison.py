"""A repository as it is now, and how it differs from an earlier state."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.errors import InvalidInputError
from dagstead.repository.changes.base import Base, find_base
from dagstead.repository.changes.files import Files, FilesOfCommit, FilesOnDisk
from dagstead.repository.changes.git import Change, Git, open_repository
from dagstead.repository.ci.projects import read_contents, read_project
from dagstead.repository.files.outputs import Outputs
from dagstead.repository.files.project import Project
from dagstead.repository.files.reader import settings_above
from dagstead.repository.files.templates import TemplateValues
from dagstead.repository.files.walk import is_looked_at


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangesQuery:
    """What to compare: a repository, and since when."""

    #: The folder of a repository, or one file, as
    #: :func:`dagstead.repository.ci.projects.read_project` takes it.
    path: Path
    #: A commit; with ``...`` behind it, the merge base of it and ``HEAD``.
    since: str
    merge_base: bool = False
    #: Whether only what is committed counts, and files are read as ``HEAD`` has them.
    committed: bool = False
    #: Patterns by the names of locations, from the root of the project on.
    watch: Mapping[str, Sequence[str]] = field(default_factory=dict)
    template_values: TemplateValues | None = None


class Comparison:
    """A repository as it is now, and how it differs from a base."""

    def __init__(self, query: ChangesQuery) -> None:
        folder = query.path.absolute()
        if not folder.exists():
            msg = f"There is no folder or file {str(query.path)!r}."
            raise InvalidInputError(msg)
        self.git: Git = open_repository(folder.parent if folder.is_file() else folder)
        self.base: Base = find_base(self.git, query.since, merge_base=query.merge_base)
        with ThreadPoolExecutor() as aside:
            # Git compares while the files are read.
            changes = aside.submit(self._differences, committed=query.committed)
            self.project, self.files = self._read(query)
        self._contents: dict[str, bytes | None] = {}
        self.changes: tuple[Change, ...] = self._of_people(changes.result())
        self.remarks = self.base.remarks
        if self.git.is_sparse and not query.committed:
            remark = "This is a sparse checkout, and what is not on disk is not read."
            self.remarks += (f"{remark} Take --committed to read it all from HEAD.",)

    def before(self, change: Change) -> bytes | None:
        """What a changed file held at the base, ``None`` where there was none."""
        if change.before is not None and change.before not in self._contents:
            self.preload([change])
        return self._contents.get(change.before or "")

    def preload(self, changes: Iterable[Change]) -> None:
        """Read what many files held in one go."""
        wanted = [each.before for each in changes if each.before is not None]
        found = self.git.contents(wanted)
        self._contents |= {each: found.get(each) for each in wanted}

    def _differences(self, *, committed: bool) -> tuple[Change, ...]:
        if committed:
            return tuple(self.git.changes(self.base.sha, "HEAD"))
        return (*self.git.changes(self.base.sha, None), *self.git.untracked())

    def _of_people(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Without what this tool has written, whether git keeps it or not."""
        by_path = {each.path: each for each in changes}

        def content(path: str) -> bytes | None:
            data = self.files.read(path)
            return self.before(by_path[path]) if data is None and path in by_path else data

        outputs = Outputs(content)
        return tuple(each for each in changes if not outputs.has(each.path))

    def _read(self, query: ChangesQuery) -> tuple[Project, Files]:
        if not query.committed:
            project = read_project(query.path, template_values=query.template_values)
            return project, FilesOnDisk(self.git.top, self.git)
        tree = self.git.tree("HEAD")
        if tree is None:
            msg = "There is no commit yet. Leave out --committed."
            raise InvalidInputError(msg)
        files = FilesOfCommit(self.git, tree)
        start = f"{self.git.prefix}/" if self.git.prefix else ""
        paths = [each for each in files.paths if each.startswith(start)]
        wanted = [each for each in paths if is_looked_at(each.removeprefix(start))]
        root = query.path.absolute()
        above = settings_above(self.git.top / self.git.prefix, self.git.top)
        if root.is_file():
            wanted = [f"{start}{root.name}"]
            root, above = root.parent, ()
        files.preload(wanted)
        contents = {each.removeprefix(start): files.read(each) or b"" for each in wanted}
        for each in above:
            contents[each] = files.read(posixpath.normpath(start + each)) or b""
        project = read_contents(root, contents, files, template_values=query.template_values)
        return project, files
