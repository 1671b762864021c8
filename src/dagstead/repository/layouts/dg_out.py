"""From entries of ``dagster_cloud.yaml`` to dg's files."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.files.dg import dg_section, directory_type, workspace_projects
from dagstead.repository.files.merge import without_nulls
from dagstead.repository.files.project import Project
from dagstead.repository.files.uv_workspaces import uv_workspaces, workspace_around
from dagstead.repository.layouts.dg_tables import with_project, with_workspace
from dagstead.repository.layouts.edits import is_flow, own_entries
from dagstead.repository.layouts.extract import Extraction, extract_entries
from dagstead.repository.layouts.model import FileTree, MigrationRequest, refusal
from dagstead.repository.layouts.rendering import flow_text, key_lines, scalar_text
from dagstead.repository.layouts.sheet import Sheet, text_lines
from dagstead.repository.layouts.targets import Move

Files = dict[str, SourceText | None]

#: What a dg project can say of a location.
_KNOWN = frozenset(
    {"location_name", "code_source", "build", "container_context", "agent_queue", "image"}
)
_STEP = 2


def to_dg(
    project: Project, moves: Sequence[Move], request: MigrationRequest, tree: FileTree
) -> Files:
    """The files after some moves into dg projects.

    Raises:
        LayoutError: when dg has no way to say something; a line for each place.
    """
    going = [each for each in moves if not each.stays and not each.duplicate]
    reasons = [reason for each in going for reason in _reasons(project, each, request, tree)]
    reasons += _nested(going)
    if reasons:
        raise refusal(reasons)
    files: Files = {}
    workspaces = uv_workspaces(project.read)
    for move in going:
        around = workspace_around(posixpath.dirname(move.target), workspaces)
        files |= _project_files(move, _text(tree, move.target), around)
    files |= _workspace(project, going, tree)
    if not request.keep:
        files |= dict(_without_entries(project, moves))
    return files


def _reasons(
    project: Project, move: Move, request: MigrationRequest, tree: FileTree
) -> Iterator[str]:
    location, folder = move.location, posixpath.dirname(move.target)
    name = location.name.value
    node = without_nulls(location.node)
    for entry in node.entries:
        if entry.key.value not in _KNOWN:
            yield (
                f"{entry.key.position}: dg's files have no {entry.key.value!r}. "
                f"Remove it, or leave {name!r} out with --location."
            )
    yield from _type_reasons(node)
    yield from _source_reasons(location, request)
    queue = location.queue
    if queue is not None and not queue.value:
        yield f"{queue.position}: agent_queue is empty, and dg drops that. Remove it."
    yield from _settings_reasons(tree, move.target)
    for file in ("build.yaml", "container_context.yaml"):
        path = posixpath.join(folder, file)
        if tree.read(path) is not None:
            yield f"{location.position}: {path} is there already. Move it away."
    there = project.file(move.target)
    section = None if there is None else dg_section(there)
    other = None if section is None else section.get("project") or section.get("workspace")
    if other is not None:
        yield (
            f"{other.position}: {folder or '.'!r} is a dg project or workspace already, and not "
            f"that of {name!r}. Say --folder '{name}=PATH'."
        )


def _type_reasons(node: Node) -> Iterator[str]:
    """Values that are none for their key: they would be written as others, or not at all."""
    for path in (("agent_queue",), ("image",), ("build", "registry")):
        value = node.get(*path)
        if value is not None and value.text is None:
            key = ".".join(path)
            yield f"{value.position}: {key} is not text. Write it in quotes, or remove it."
    for key in ("build", "container_context"):
        value = node.get(key)
        if value is not None and not value.is_mapping:
            yield f"{value.position}: {key} is not a mapping. Write keys below it, or remove it."


def _source_reasons(location: Location, request: MigrationRequest) -> Iterator[str]:
    source, name = location.code_source, location.name.value
    if source is None:
        yield f"{location.position}: {name!r} has no code_source, and a dg project needs one."
    elif source.by == "package_name" and request.package_as_module:
        return
    elif source.by == "package_name":
        yield (
            f"{source.position}: dg has no package_name. Write 'module_name: "
            f"{source.target.value}', which imports the same, or say --package-as-module."
        )
    elif source.by != "module_name":
        yield f"{source.position}: dg has no {source.by}. Write 'module_name: …' in its place."


def _nested(going: Iterable[Move]) -> Iterator[str]:
    """A project in the folder that the workspace needs."""
    every = list(going)
    for each in every:
        if not posixpath.dirname(each.target) and len(every) > 1:
            name = each.location.name.value
            yield (
                f"{each.location.position}: {name!r} is at the root, where the workspace of the "
                f"others is written. Say --folder '{name}=PATH'."
            )


def _project_files(move: Move, there: SourceText | None, around: str | None) -> Files:
    location, folder = move.location, posixpath.dirname(move.target)
    files: Files = {move.target: with_project(there, move.target, _values(location, folder))}
    build = _build(location, folder, around)
    source = location.written.source
    if build:
        files |= _yaml(posixpath.join(folder, "build.yaml"), build, source)
    context = location.node.get("container_context")
    if context is not None and context.is_mapping:
        path = posixpath.join(folder, "container_context.yaml")
        files |= _yaml(path, _context_lines(location, context), source)
    return files


def _values(location: Location, folder: str) -> Mapping[str, str]:
    source = location.code_source
    module = "" if source is None else source.target.value
    root, _, _ = module.partition(".")
    values = {"root_module": root}
    if module != f"{root}.definitions":
        values["code_location_target_module"] = module
    name = location.name.value
    if not folder or posixpath.basename(folder) != name:
        values["code_location_name"] = name
    if location.queue is not None:
        values["agent_queue"] = location.queue.value
    if location.image is not None:
        values["image"] = location.image.value
    return values


def _build(location: Location, folder: str, around: str | None) -> list[str]:
    lines = []
    if location.registry is not None:
        lines.append(f"registry: {flow_text(location.registry.node)}")
    written = location.build_directory is not None
    # With an image, a folder to build makes the location another one; then it must be written.
    matters = location.image is not None and written
    # dg would take the workspace of uv around the project for an image.
    usual = around if around is not None and location.kind is Kind.HYBRID else folder or "."
    elsewhere = location.build_folder != usual and location.kind is not Kind.PREBUILT
    if matters or elsewhere:
        path = location.build_folder
        if not path.startswith("/"):
            path = posixpath.relpath(path, folder or ".")
        lines.append(f"directory: {scalar_text(path)}")
    return lines


def _context_lines(location: Location, context: Node) -> list[str]:
    """What is below ``container_context``, as it is written where it is written at all."""
    own = location.written.entry("container_context")
    if own is not None and own.value.entries and not own.merged:
        sheet = Sheet(own.value.source)
        start, end = sheet.value_span(own)
        whole = without_nulls(own.value).plain() == context.plain()
        inside = own.key.end < start == own.value.start
        plain = "*" not in sheet.text[start:end] and "&" not in sheet.text[start:end]
        if whole and inside and plain and not is_flow(sheet, own.value):
            first = own_entries(own.value)[0].key.start
            line = sheet.lines[sheet.line_at(own.key.end) + 1]
            last = sheet.lines[sheet.line_at(end - 1)]
            column = sheet.column(first)
            lines = text_lines(sheet.text[line.start : last.end])
            return [each[min(column, len(each) - len(each.lstrip(" "))) :] for each in lines]
    _, *lines = key_lines("", context, -_STEP, _STEP)
    return lines or [flow_text(context)]


def _yaml(path: str, lines: Sequence[str], like: SourceText) -> Files:
    newline = Sheet(like).newline if like.text.strip() else "\n"
    return {path: SourceText(file=path, text="".join(f"{each}{newline}" for each in lines))}


def _workspace(project: Project, going: Sequence[Move], tree: FileTree) -> Files:
    """The file at the root that lists the projects, when it must change."""
    folders = [folder for each in going if (folder := posixpath.dirname(each.target))]
    at_root = [
        each
        for each in project.files_of(Family.DG)
        if not each.folder and directory_type(each) == "workspace"
    ]
    listed = {path for each in at_root for path, _ in workspace_projects(each)}
    missing = [each for each in folders if each not in listed]
    if not missing:
        return {}
    path = at_root[0].path if at_root else "dg.toml"
    return {path: with_workspace(_text(tree, path), path, missing)}


def _without_entries(
    project: Project, moves: Sequence[Move]
) -> Iterator[tuple[str, SourceText | None]]:
    """The files of ``dagster_cloud.yaml`` without the entries that went."""
    cloud = [each for each in moves if each.location.family is Family.CLOUD]
    for path in dict.fromkeys(each.location.file for each in cloud):
        file = project.file(path)
        if file is None or file.root is None:
            continue
        listed = file.root.get("locations")
        items = () if listed is None else listed.items
        written = {id(each.location.written): each for each in cloud}
        leaving = {
            at: written[id(item)].target for at, item in enumerate(items) if id(item) in written
        }
        taking = Extraction(
            targets=leaving, directories={}, defaults=frozenset(), dropped=frozenset(leaving)
        )
        yield path, extract_entries(file.source, taking).rest


def _text(tree: FileTree, path: str) -> SourceText | None:
    data = tree.read(path)
    return None if data is None else SourceText.decode(path, data)


def _settings_reasons(tree: FileTree, path: str) -> Iterator[str]:
    """Why a settings file that is there cannot be changed."""
    data = tree.read(path)
    if data is None:
        return
    try:
        tomllib.loads(SourceText.decode(path, data).text)
    except ValueError as error:
        yield f"{path}: the file cannot be read: {error}. Put that right first."
