"""From dg projects to entries of ``dagster_cloud.yaml``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.nodes import Node, mapping
from dagstead.model.source import SourceText
from dagstead.repository.files.dg import dg_files, dg_section, directory_type, workspace_projects
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.layouts.dg_tables import without_dg, without_project
from dagstead.repository.layouts.edits import is_flow
from dagstead.repository.layouts.entries import relative_directory
from dagstead.repository.layouts.extract import EntryLines
from dagstead.repository.layouts.model import MigrationRequest
from dagstead.repository.layouts.proof import NO_REGISTRY
from dagstead.repository.layouts.rendering import key_lines, text_node
from dagstead.repository.layouts.sheet import Sheet, odd_break, text_lines
from dagstead.repository.layouts.targets import Move

#: What of dg's tables becomes a part of an entry.
_CARRIED = {
    "": frozenset({"directory_type", "project"}),
    "project": frozenset(
        {
            "root_module",
            "code_location_target_module",
            "code_location_name",
            "agent_queue",
            "image",
        }
    ),
}
_COLUMN, _STEP = 2, 2
_KEYS = ("location_name", "code_source", "agent_queue", "image")


def pieces_of(project: Project, moves: Sequence[Move]) -> Iterator[EntryLines]:
    """The entries of the dg projects among some moves."""
    for move in moves:
        if move.location.family is Family.DG and not move.stays and not move.duplicate:
            lines = list(_lines(project, move))
            source = SourceText(file=move.target, text="\n".join(lines) + "\n")
            yield EntryLines(
                source=source, target=move.target, column=_COLUMN, lead=(), body=tuple(lines)
            )


def unmovable(project: Project, moves: Sequence[Move], request: MigrationRequest) -> Iterator[str]:
    """What of dg's settings has no place in an entry, and would be lost."""
    if not request.remove_dg:
        return
    for move in moves:
        file = project.file(move.location.file)
        section = None if file is None or move.stays else dg_section(file)
        if section is None or move.location.family is not Family.DG:
            continue
        for table, known in _CARRIED.items():
            within = section.get(table) if table else section
            for entry in () if within is None else within.entries:
                if entry.key.value not in known:
                    yield (
                        f"{entry.key.position}: {entry.key.value!r} is for dg alone and would be "
                        "lost. Leave out --remove-dg, and dg's files stay as they are."
                    )


def without_projects(
    project: Project, moves: Sequence[Move], request: MigrationRequest
) -> dict[str, SourceText | None]:
    """The files of dg without the projects that went, if that is asked for."""
    going = [each.location for each in moves if each.location.family is Family.DG]
    files: dict[str, SourceText | None] = {}
    if not request.remove_dg or not going:
        return files
    for location in going:
        file = project.file(location.file)
        if file is not None:
            files[file.path] = without_dg(file.source)
        for path in _beside(project, location.folder):
            files[path] = None
    folders = {posixpath.normpath(each.folder or ".") for each in going}
    for file in dg_files(project.files).values():
        if directory_type(file) == "workspace":
            files |= _without_listed(project, file, folders)
    return files


def _without_listed(
    project: Project, file: ConfigFile, folders: set[str]
) -> Mapping[str, SourceText | None]:
    listed = list(workspace_projects(file))
    gone = [node.text or "" for folder, node in listed if folder in folders]
    if not gone:
        return {}
    if len(gone) == len(listed):
        beside: dict[str, SourceText | None] = dict.fromkeys(_beside(project, file.folder))
        return {file.path: without_dg(file.source), **beside}
    source = file.source
    for each in gone:
        source = without_project(source, each)
    return {file.path: source}


def _beside(project: Project, folder: str) -> list[str]:
    paths = (posixpath.join(folder, each) for each in ("build.yaml", "container_context.yaml"))
    return [each for each in paths if project.file(each) is not None]


def _lines(project: Project, move: Move) -> Iterator[str]:
    location, inner = move.location, _COLUMN + 2
    lines: list[str] = []
    for key in _KEYS:
        node = location.node.get(key)
        if node is not None and not node.is_null:
            lines += key_lines(key, node, inner, _STEP)
        if key == "code_source" and _is_built(location):
            lines += key_lines("build", _build(location, move), inner, _STEP)
    yield f"{' ' * _COLUMN}- {lines[0]}"
    for each in lines[1:]:
        yield each if each.startswith(" ") else " " * inner + each
    yield from _context_lines(project, location, inner)


def _is_built(location: Location) -> bool:
    return location.kind is not Kind.PREBUILT or location.build_directory is not None


def _build(location: Location, move: Move) -> Node:
    """``build`` of the entry: the folder always, because dg's default is the project's."""
    folder = posixpath.dirname(move.target)
    directory = relative_directory(folder, location.build_folder, None)
    made = text_node({"directory": directory}, location.node.source)
    written = location.node.get("build") or made
    kept = tuple(each for each in written.entries if each.key.value == "registry")
    if location.kind is Kind.SERVERLESS and all(each.value.text == NO_REGISTRY for each in kept):
        # dg reads it for hybrid agents only; in the new file it would make a hybrid location.
        kept = ()
    return mapping((*made.entries, *kept), made)


def _context_lines(project: Project, location: Location, column: int) -> Iterator[str]:
    context = location.node.get("container_context")
    if context is None or not context.is_mapping:
        return
    file = project.file(posixpath.join(location.folder, "container_context.yaml"))
    pad = " " * (column + _STEP)
    if file is not None and file.root is not None and _is_whole(file, context):
        yield f"{' ' * column}container_context:"
        for each in text_lines(file.source.text):
            yield pad + each if each.strip() else each
        return
    first, *more = key_lines("container_context", context, column, _STEP)
    yield " " * column + first
    yield from more


def _is_whole(file: ConfigFile, context: Node) -> bool:
    """Whether a file can be moved as it is written: in block style, and all there is."""
    if odd_break(file.source) is not None:
        return False
    if file.root is None or file.root.plain() != context.plain() or not context.entries:
        return False
    sheet = Sheet(file.source)
    alone = not file.source.text.lstrip().startswith(("---", "%")) and "\n..." not in sheet.text
    return alone and not is_flow(sheet, sheet.root)
