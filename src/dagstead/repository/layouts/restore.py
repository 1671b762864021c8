"""Brings back locations that a merge of files has lost.

``cat */dagster_cloud.yaml > dagster_cloud.yaml`` makes several lists; only the last one counts,
and leaves ``build.directory`` as it was in each folder. What was lost is still in the file; or in
the files that were merged, where they exist; or in git, when somebody has tidied up since.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.files.merge import without_nulls
from dagstead.repository.files.project import Project
from dagstead.repository.files.reader import read_contents, with_changes, with_everything
from dagstead.repository.layouts.append import append_entries
from dagstead.repository.layouts.entries import relative_directory, with_directories
from dagstead.repository.layouts.extract import EntryLines, Extraction, extract_entries
from dagstead.repository.layouts.history import History
from dagstead.repository.layouts.merged_lists import (
    ListEntry,
    MergedLists,
    broken_files,
    merge_lists,
    obstacles,
    with_merged_lists,
)
from dagstead.repository.layouts.model import (
    FileTree,
    Migration,
    MigrationRequest,
    changes_of,
    refusal,
)
from dagstead.repository.layouts.proof import differing
from dagstead.repository.layouts.targets import root_file

_COMMIT_LENGTH = 10
_MOST_HINTS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginalEntry:
    """What an entry was before it was merged."""

    #: The folder that it is built from, relative to the root.
    folder: str
    #: Where that is known from.
    evidence: str


@dataclass(frozen=True, slots=True)
class _EarlierLocation:
    """A location of an earlier commit."""

    location: Location
    project: Project
    place: str
    #: Whether a second list hid it there.
    hidden: bool


@dataclass(slots=True)
class _Repair:
    project: Project
    request: MigrationRequest
    tree: FileTree
    history: History
    files: dict[str, SourceText | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    #: What each location must be afterwards, where that is known.
    expected: dict[str, Location] = field(default_factory=dict)


def plan_repair(
    project: Project, request: MigrationRequest, tree: FileTree, history: History
) -> Migration:
    """The changes that bring lost locations back. Nothing is written.

    Args:
        project: what was read.
        request: ``names`` are the locations to bring back, whatever lost them; ``folders`` say
            where an entry belongs when nothing else does. Its layout does not count.
        tree: the files beside the configuration.
        history: earlier commits; read only when the present files do not answer.

    Raises:
        LayoutError: when something speaks against it; a line for each reason, with its place.
        InvalidInputError: for a name that is and was nowhere.
    """
    repair = _Repair(with_everything(project), request, tree, history)
    for broken in broken_files(repair.project):
        _merge(repair, broken)
    if repair.reasons:
        raise refusal(repair.reasons)
    _from_parts(repair)
    _from_history(repair)
    return _proven(repair)


def _merge(repair: _Repair, broken: MergedLists) -> None:
    reasons = list(obstacles(broken))
    if reasons:
        repair.reasons += reasons
        return
    folder = posixpath.dirname(broken.path)
    directories: dict[int, str] = {}
    index = 0
    seen: set[str] = set()
    for each in broken.entries:
        if each.name in seen:
            continue
        seen.add(each.name)
        origin = _origin(repair, broken.path, each)
        if origin is not None:
            if _needs_directory(each.node, folder, origin.folder):
                directories[index] = relative_directory(folder, origin.folder, None)
            repair.remarks.append(_restored_remark(broken, each, origin))
        index += 1
    text = with_directories(merge_lists(broken), directories)
    repair.files[broken.path] = text


def _restored_remark(broken: MergedLists, found: ListEntry, origin: OriginalEntry) -> str:
    fate = ""
    if found.lost:
        last = broken.entries[-1].list_position
        fate = f"is lost, because line {last.line} begins another 'locations'; it "
    return (
        f"{found.node.position}: {found.name!r} {fate}is built from {origin.folder!r}, as "
        f"{origin.evidence}."
    )


def _origin(repair: _Repair, path: str, found: ListEntry) -> OriginalEntry | None:
    name = found.name
    if name in repair.request.folders:
        folder = posixpath.normpath(repair.request.folders[name])
        return OriginalEntry(folder=folder, evidence="you say")
    part = _part(repair.project, path, found.node, name)
    if part is not None:
        repair.expected[name] = part
        return OriginalEntry(folder=part.build_folder, evidence=f"{part.file} says")
    here = _as_written(repair, path, found.node)
    if here is not None:
        return here
    for version in repair.history.versions():
        then = with_everything(read_contents(repair.project.root, version.files))
        part = _part(then, path, found.node, name)
        if part is not None:
            commit = version.commit[:_COMMIT_LENGTH]
            return OriginalEntry(folder=part.build_folder, evidence=f"{part.file} of {commit} said")
    repair.reasons.append(
        f"{found.node.position}: {name!r} was in a file of its own folder, and nothing says "
        f"which. Say --folder '{name}=PATH'."
    )
    return None


def _as_written(repair: _Repair, path: str, node: Node) -> OriginalEntry | None:
    """The folder that an entry names from the file that it is in, when it is one of its own."""
    folder = posixpath.dirname(path)
    directory = node.get("build", "directory")
    written = None if directory is None else directory.text
    if not written:
        exists = [node.get(each) for each in ("image", "executable_path")]
        if any(each is not None and each.text for each in exists):
            return OriginalEntry(folder=folder or ".", evidence="nothing is built")
        return None
    meant = posixpath.normpath(posixpath.join(folder, written))
    if written.startswith("/") or (meant != (folder or ".") and repair.tree.is_folder(meant)):
        return OriginalEntry(folder=meant, evidence="it says")
    return None


def _needs_directory(node: Node, folder: str, build_folder: str) -> bool:
    directory = node.get("build", "directory")
    written = None if directory is None else directory.text
    if not written:
        exists = [node.get(each) for each in ("image", "executable_path")]
        return not any(each is not None and each.text for each in exists)
    return posixpath.normpath(posixpath.join(folder, written)) != build_folder


def _part(project: Project, path: str, node: Node, name: str) -> Location | None:
    """The definition in another file that an entry was copied from."""
    for each in project.definitions:
        other = each.family is Family.CLOUD and each.file != path and each.name.value == name
        if other and not each.variant and _says(each.written) == _says(node):
            return each
    return None


def _says(node: Node) -> str:
    return repr(without_nulls(node).plain())


def _from_parts(repair: _Repair) -> None:
    """Add to the root file what only parts of it have."""
    project = _now(repair)
    root = root_file(project)
    there = [each for each in project.definitions if each.file == root]
    parts = [
        each
        for each in project.definitions
        if each.family is Family.CLOUD and each.file != root and not each.variant
    ]
    names = {each.name.value for each in there}
    is_merge = any(each.name.value in names for each in parts)
    missing = [each for each in parts if each.name.value not in names]
    wanted = [
        each
        for each in missing
        if each.name.value in repair.request.names or (is_merge and not repair.request.names)
    ]
    if not there:
        return
    for each in wanted:
        repair.remarks.append(
            f"{each.position}: {each.name.value!r} is not in {root}, which has others of these "
            "files."
        )
    _add(repair, root, wanted, project)


def _from_history(repair: _Repair) -> None:
    """Add what was lost in an earlier commit: what is asked for, or what a second list hid."""
    project = _now(repair)
    known = {each.name.value for each in project.definitions}
    asked = repair.request.names
    wanted = asked - known
    if not (wanted if asked else not repair.files):
        return
    gone: dict[str, str] = {}
    for each in _earlier(repair):
        name = each.location.name.value
        if name in known:
            continue
        if name in wanted or (each.hidden and not asked):
            known.add(name)
            why = "a second 'locations' hid it there" if each.hidden else "it was there"
            repair.remarks.append(f"{each.place}: {name!r} comes from there; {why}.")
            _add(repair, root_file(project), [each.location], each.project)
            if wanted and wanted <= known:
                return
        gone.setdefault(name, each.place)
    if wanted - known:
        missing = ", ".join(repr(each) for each in sorted(wanted - known))
        msg = f"There is and was no location {missing}, in the files or in git's history."
        raise InvalidInputError(msg)
    repair.remarks += _hints({each: gone[each] for each in gone if each not in known})


def _earlier(repair: _Repair) -> Iterator[_EarlierLocation]:
    """Every location of every earlier commit, newest first."""
    for version in repair.history.versions():
        then = with_everything(read_contents(repair.project.root, version.files))
        entries = [each for broken in broken_files(then) for each in broken.entries]
        hidden = {each.name for each in entries if each.lost}
        whole = _whole(repair, then)
        for location in whole.locations:
            place = f"{location.file} of {version.commit[:_COMMIT_LENGTH]}"
            yield _EarlierLocation(location, whole, place, location.name.value in hidden)


def _hints(gone: Mapping[str, str]) -> Iterator[str]:
    """Locations that are gone without a sign that it was by mistake."""
    for name, place in list(gone.items())[:_MOST_HINTS]:
        yield f"{place} has {name!r}, and no file has it now. --location '{name}' brings it back."


def _whole(repair: _Repair, then: Project) -> Project:
    """A project of an earlier commit with its broken files mended, and their folders put right."""
    changes: dict[str, bytes | None] = {}
    for broken in broken_files(then):
        if list(obstacles(broken)):
            continue
        inner = _Repair(then, repair.request, repair.tree, repair.history)
        _merge(inner, broken)
        text = inner.files.get(broken.path)
        if text is not None and not inner.reasons:
            changes[broken.path] = text.encode()
    return with_changes(then, changes) if changes else with_merged_lists(then)


def _add(repair: _Repair, root: str, locations: Sequence[Location], project: Project) -> None:
    pieces = [piece for each in locations for piece in _pieces(project, each, root)]
    if not pieces:
        return
    file = _now(repair).file(root)
    repair.files[root] = append_entries(None if file is None else file.source, root, pieces)
    for each in locations:
        repair.expected[each.name.value] = each


def _pieces(project: Project, location: Location, root: str) -> Iterator[EntryLines]:
    """The entry of a location, as it must be in the file at the root."""
    file = project.file(location.file)
    listed = None if file is None or file.root is None else file.root.get("locations")
    if file is None or listed is None:
        return
    items = {id(each): at for at, each in enumerate(listed.items)}
    index = items[id(location.written)]
    directories: Mapping[int, str] = {}
    folder = posixpath.dirname(root)
    built = location.build_directory is not None or location.kind is not Kind.PREBUILT
    if built and _needs_directory(location.written, folder, location.build_folder):
        directories = {index: relative_directory(folder, location.build_folder, None)}
    has_defaults = file.root is not None and file.root.get("defaults") is not None
    taking = Extraction(
        targets={index: root},
        directories=directories,
        defaults=frozenset({index} if has_defaults else ()),
    )
    yield from extract_entries(file.source, taking).pieces


def _now(repair: _Repair) -> Project:
    """The project with what was repaired so far."""
    changes = {path: None if text is None else text.encode() for path, text in repair.files.items()}
    return with_changes(repair.project, changes)


def _proven(repair: _Repair) -> Migration:
    """The plan, when nothing else than what was lost has changed."""
    after = _now(repair)
    wrong = []
    broken = {each.path for each in broken_files(repair.project)}
    for before in repair.project.locations:
        name = before.name.value
        new = after.location(name)
        if new is None:
            wrong.append(f"{name!r} would be lost.")
        elif before.file not in broken and differing(before, new):
            wrong.append(f"{name!r} would differ in {', '.join(differing(before, new))}.")
    for name, expected in repair.expected.items():
        new = after.location(name)
        keys = ["everything"] if new is None else differing(expected, new)
        if keys:
            wrong.append(f"{name!r} would differ in {', '.join(keys)}.")
    if wrong:
        msg = (
            "The repair was worked out wrongly, and nothing is written: "
            f"{' '.join(wrong)} Please report it with the files."
        )
        raise refusal([msg])
    changes = changes_of(repair.tree, repair.files)
    return Migration(changes=changes, project=after, remarks=tuple(repair.remarks))
