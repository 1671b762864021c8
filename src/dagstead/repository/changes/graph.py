"""What a part leads to: the folders and files that its files name, and theirs in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dagstead.model.nodes import Node
from dagstead.repository.changes.components import Components
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Part, Subtree, above, joined
from dagstead.repository.changes.pyprojects import (
    path_edges,
    read_pyproject,
    requirement_names,
    unreadable_edges,
    workspace_sources,
)
from dagstead.repository.changes.requirements import REQUIREMENTS_FILE, requirement_edges
from dagstead.repository.changes.setup_files import setup_cfg_edges, setup_py_edges
from dagstead.repository.changes.symlinks import Symlinks
from dagstead.repository.changes.workspaces import Workspace, Workspaces

PYPROJECT = "pyproject.toml"

#: Files that say what a folder needs, beside files of requirements.
_SETUP_FILES = ("setup.cfg", "tox.ini")
PACKAGE_FILES = frozenset({PYPROJECT, "setup.py", "setup.cfg", "Pipfile", "requirements.txt"})
#: Holds a file for each environment, as ``requirements/prod.txt``.
_REQUIREMENTS_FOLDER = "requirements"
_CONDA = ("environment.yml", "environment.yaml")


class Chain(NamedTuple):
    """How a part was reached: the last hop, and the chain before it."""

    hop: Hop
    before: Chain | None

    def hops(self) -> tuple[Hop, ...]:
        """From the part back to the location."""
        found = [self.hop]
        chain = self.before
        while chain is not None:
            found.append(chain.hop)
            chain = chain.before
        return tuple(found)


class Graph:
    """The dependencies between folders and files of a repository. Everything is read once."""

    def __init__(self, files: Files, former_workspaces: frozenset[str] = frozenset()) -> None:
        self._files = files
        self._former = former_workspaces
        self._edges: dict[Part, tuple[Edge, ...]] = {}
        self._pyprojects: dict[str, Node | None] = {}
        self._links = Symlinks(files.links)
        self._components = Components(files)
        self._workspaces = Workspaces(files, self.pyproject)

    def reach(self, starts: Iterable[Edge]) -> dict[Part, Chain]:
        """Every part that follows, with the shortest chain to it."""
        found: dict[Part, Chain] = {}
        pending = []
        for start in starts:
            if start.to not in found:
                found[start.to] = Chain(start.hop, None)
                pending.append(start.to)
        while pending:
            following = []
            for part in pending:
                for edge in self.edges(part):
                    if edge.to not in found:
                        found[edge.to] = Chain(edge.hop, found[part])
                        following.append(edge.to)
            pending = following
        return found

    def edges(self, part: Part) -> tuple[Edge, ...]:
        """What follows from a part at once."""
        edges = self._edges.get(part)
        if edges is None:
            found = self._of_tree(part) if isinstance(part, Subtree) else iter(())
            edges = tuple(edge for edge in found if edge.to != part)
            self._edges[part] = edges
        return edges

    def package_edges(self, folder: str) -> Iterator[Edge]:
        """What the files name by path that say what the package of a folder needs."""
        for name in self._files.names(folder):
            path = joined(folder, name) or name
            if name == PYPROJECT:
                yield from self._of_pyproject(folder, path)
            elif name in _SETUP_FILES:
                yield from setup_cfg_edges(path, self._text(path))
            elif name == "setup.py":
                yield from setup_py_edges(path, self._text(path))
            elif name == "Pipfile":
                root = read_pyproject(path, self._files.read(path))
                yield from () if root is None else path_edges(path, root)
                yield from unreadable_edges(path, self._files.read(path))
            elif name == _REQUIREMENTS_FOLDER:
                yield from self._of_requirements(path)
            elif name in _CONDA or REQUIREMENTS_FILE.fullmatch(name):
                yield from requirement_edges(path, self._text(path))

    def _of_requirements(self, folder: str) -> Iterator[Edge]:
        for name in self._files.names(folder):
            if name.endswith((".txt", ".in")):
                path = f"{folder}/{name}"
                yield from requirement_edges(path, self._text(path))

    def is_package(self, folder: str) -> bool:
        """Whether files of a folder say how it is installed."""
        return not PACKAGE_FILES.isdisjoint(self._files.names(folder))

    def pyproject(self, folder: str) -> Node | None:
        """The document of a folder, ``None`` when it says nothing that matters here."""
        if folder not in self._pyprojects:
            path = joined(folder, PYPROJECT) or PYPROJECT
            self._pyprojects[folder] = read_pyproject(path, self._files.read(path))
        return self._pyprojects[folder]

    def _of_tree(self, part: Subtree) -> Iterator[Edge]:
        path = part.path
        yield from self._links.edges(path)
        if not self._files.is_file(path):
            yield from self.package_edges(path)
            yield from self._components.edges(path)
        elif path.endswith((".txt", ".in")) or REQUIREMENTS_FILE.fullmatch(path):
            yield from requirement_edges(path, self._text(path))

    def _of_pyproject(self, folder: str, path: str) -> Iterator[Edge]:
        root = self.pyproject(folder)
        if root is None:
            yield from unreadable_edges(path, self._files.read(path))
        workspace = self._workspaces.around(folder)
        if root is not None:
            yield from path_edges(path, root)
            yield from self._members(root, path, workspace)
        if workspace is not None and workspace.folder != folder:
            file = joined(workspace.folder, PYPROJECT) or PYPROJECT
            hop = Hop(file=file, what="[tool.uv.workspace] it is a member of")
            yield Edge(to=Subtree(path=file), hop=hop)
            yield from self._inherited(workspace, path, file)
        for each in self._former.intersection(above(folder)):
            file = joined(each, PYPROJECT) or PYPROJECT
            hop = Hop(file=file, what="[tool.uv.workspace] it may have been a member of")
            yield Edge(to=Subtree(path=file), hop=hop)

    def _inherited(self, workspace: Workspace, path: str, file: str) -> Iterator[Edge]:
        """Sources of a workspace hold for its members, where these require the package."""
        required = requirement_names(self._files.read(path))
        yield from path_edges(file, workspace.root, sources_of=required)
        yield from self._members(workspace.root, file, workspace, required)

    def _members(
        self,
        root: Node,
        path: str,
        workspace: Workspace | None,
        required: frozenset[str] | None = None,
    ) -> Iterator[Edge]:
        """Sources that are members of the workspace."""
        for name, key in workspace_sources(root):
            if required is not None and name not in required:
                continue
            what = f"[tool.uv.sources] {key.value}"
            member = None if workspace is None else workspace.members.get(name)
            if member is None:
                what += " (no member of the workspace has this name)"
                member = EVERYTHING if workspace is None else workspace.folder
            yield Edge(
                to=Subtree(path=member), hop=Hop(file=path, line=key.position.line, what=what)
            )

    def _text(self, path: str) -> str:
        return (self._files.read(path) or b"").decode("utf-8", errors="replace")
