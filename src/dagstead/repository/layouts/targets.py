"""Which file every location goes to, and what prevents it."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.repository.files.families import variant_of
from dagstead.repository.files.project import Project, is_outside
from dagstead.repository.layouts.entries import relative_directory
from dagstead.repository.layouts.model import FileTree, Layout, MigrationRequest, refusal
from dagstead.repository.layouts.proof import differing

_FILE = "dagster_cloud.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A definition of a location and where it goes."""

    location: Location
    #: The file that it is to be in.
    target: str
    #: ``build.directory`` as it must be there; ``None`` when what is written is right.
    directory: str | None = None
    #: Another definition that says the same goes there: this one is only taken away.
    duplicate: bool = False

    @property
    def stays(self) -> bool:
        """Whether it is there already."""
        return self.target == self.location.file and not self.duplicate


@dataclass(slots=True)
class _Moves:
    project: Project
    request: MigrationRequest
    tree: FileTree
    root_file: str
    #: Every definition, by name.
    definitions: Mapping[str, list[Location]]
    reasons: list[str] = field(default_factory=list)


def find_moves(project: Project, request: MigrationRequest, tree: FileTree) -> tuple[Move, ...]:
    """The moves for the locations that are meant, in the order of their definitions.

    Raises:
        LayoutError: when something speaks against it; a line for each reason, with its place.
    """
    definitions: dict[str, list[Location]] = defaultdict(list)
    for each in project.definitions:
        definitions[each.name.value].append(each)
    work = _Moves(project, request, tree, root_file(project), definitions)
    chosen = {each: _moves_of(work, each) for each in definitions if request.takes(each)}
    moves = [move for each in project.definitions for move in _own(each, chosen)]
    work.reasons += _crowded(project, moves, request)
    if work.reasons:
        raise refusal(work.reasons)
    return tuple(moves)


def root_file(project: Project) -> str:
    """The file at the root: the one that is there, or else the usual name."""
    files = [each for each in project.files_of(Family.CLOUD) if not variant_of(each.path)]
    at_root = [each.path for each in files if not each.folder]
    if at_root:
        return _FILE if _FILE in at_root else at_root[0]
    names = {posixpath.basename(each.path) for each in files}
    return names.pop() if len(names) == 1 else _FILE


def _own(location: Location, chosen: dict[str, list[Move]]) -> Iterator[Move]:
    for move in chosen.get(location.name.value, []):
        if move.location is location:
            yield move


def _moves_of(work: _Moves, name: str) -> list[Move]:
    every = work.definitions[name]
    definitions = [each for each in every if not each.variant]
    in_cloud = [each for each in definitions if each.family is Family.CLOUD]
    if in_cloud and work.request.layout is not Layout.DG:
        # Then dg's tables are for developing, and stay.
        definitions = in_cloud
    if not definitions:
        work.reasons += [
            f"{each.position}: {name!r} is defined for {each.variant!r} only, and a file "
            f"like {posixpath.basename(each.file)} is one configuration of several. Move its entry "
            "by hand, or name the locations to move with --location."
            for each in every[:1]
        ]
        return []
    main = _main(work, definitions)
    target = _target(work, main)
    if target is None:
        return []
    moves = []
    for each in definitions:
        if each is not main:
            work.reasons += _contradiction(main, each)
        moves.append(_move(each, target, duplicate=each is not main))
    return moves


def _main(work: _Moves, definitions: list[Location]) -> Location:
    """The definition that goes on: one that is where it must be, else the one that counts."""
    chosen = work.project.location(definitions[0].name.value)
    best = chosen if chosen in definitions else definitions[0]
    to_dg = work.request.layout is Layout.DG
    for each in definitions:
        if (each.family is Family.DG) is to_dg and each.file == _place(work, each):
            return each
    if to_dg:
        return next((each for each in definitions if each.family is Family.DG), best)
    return best


def _move(location: Location, target: str, *, duplicate: bool) -> Move:
    folder = posixpath.dirname(target)
    written = location.build_directory
    directory = None
    if written is not None or location.kind is not Kind.PREBUILT:
        text = None if written is None else written.value
        directory = relative_directory(folder, location.build_folder, text)
        same_folder = written is None and location.build_folder == (folder or ".")
        if directory == text or same_folder:
            directory = None
    return Move(location=location, target=target, directory=directory, duplicate=duplicate)


def _place(work: _Moves, location: Location) -> str:
    """The file that a location belongs into."""
    if work.request.layout in {Layout.ROOT, Layout.ROOT_WORKFLOWS}:
        return work.root_file
    if work.request.layout is Layout.DG and location.family is Family.DG:
        return location.file
    own = location.build_folder if location.family is Family.CLOUD else location.folder
    folder = work.request.folders.get(location.name.value, own)
    if work.request.layout is Layout.DG:
        return _settings_file(work.tree, folder)
    name = posixpath.basename(location.file) if location.family is Family.CLOUD else _FILE
    return posixpath.normpath(posixpath.join(folder, name))


def _settings_file(tree: FileTree, folder: str) -> str:
    """Where dg's settings of a folder are written: ``dg.toml`` hides ``pyproject.toml``."""
    names = ("dg.toml", "pyproject.toml")
    paths = [posixpath.normpath(posixpath.join(folder, each)) for each in names]
    return next((each for each in paths if tree.read(each) is not None), paths[0])


def _target(work: _Moves, location: Location) -> str | None:
    """Its file, ``None`` when something speaks against it."""
    place = _place(work, location)
    folder = posixpath.dirname(place)
    name = location.name.value
    before = len(work.reasons)
    in_cloud = location.family is Family.CLOUD
    if _own_folders(work.request) and in_cloud and name not in work.request.folders:
        work.reasons += _without_folder(work, location, folder)
    unread = work.project.file(place) is None and work.tree.read(place) is not None
    if unread and work.request.layout is not Layout.DG:
        work.reasons.append(
            f"{location.position}: {place!r} is there already and was not read. "
            "Migrate the folder that has both files."
        )
    if is_outside(folder) and len(work.reasons) == before:
        work.reasons.append(
            f"{location.position}: the folder {folder!r} for {name!r} is outside of what is "
            "migrated. Name one inside, relative to it."
        )
    missing = folder and not is_outside(folder) and not work.tree.is_folder(folder)
    if missing and len(work.reasons) == before:
        work.reasons.append(
            f"{location.position}: there is no folder {folder!r} for {name!r}. Make it first."
        )
    return place if len(work.reasons) == before else None


def _own_folders(request: MigrationRequest) -> bool:
    """Whether each location has a folder of its own in this layout."""
    return request.layout in {Layout.PER_LOCATION, Layout.DG}


def _without_folder(work: _Moves, location: Location, folder: str) -> Iterator[str]:
    name = location.name.value
    written = location.build_directory
    if written is None or not written.value:
        alone = sum(each.file == location.file for each in work.project.definitions) == 1
        if not alone:
            yield (
                f"{location.position}: {name!r} has no build.directory, so its folder is not "
                f"known. Write one, or say --folder '{name}=PATH'."
            )
    elif is_outside(location.build_folder):
        yield (
            f"{written.position}: {written.value!r}, the folder of {name!r}, is outside of what "
            f"is migrated. Say --folder '{name}=PATH', or migrate the folder above."
        )
    elif folder and not work.tree.is_folder(folder):
        yield f"{written.position}: there is no folder {folder!r}. Write the path of a folder."


def _contradiction(main: Location, other: Location) -> Iterator[str]:
    name = main.name.value
    if main.file == other.file:
        yield f"{other.position}: {name!r} is defined in {main.position} already. Keep one."
        return
    keys = differing(main, other)
    if keys:
        yield (
            f"{other.position}: {name!r} is defined in {main.position}, too, and differs in "
            f"{', '.join(keys)}. Say the same in both, or remove one."
        )


def _crowded(project: Project, moves: list[Move], request: MigrationRequest) -> Iterator[str]:
    """Two locations for one file, where each has its own."""
    if not _own_folders(request):
        return
    first: dict[str, Location] = {}
    moving = {id(each.location) for each in moves}
    resting = [each for each in project.definitions if id(each) not in moving]
    staying = [(each.file, each) for each in resting if not each.variant]
    going = [(each.target, each.location) for each in moves if not each.duplicate]
    for target, location in [*staying, *going]:
        other = first.setdefault(target, location)
        chosen = id(location) in moving
        if other is not location and chosen:
            folder = posixpath.dirname(target) or "."
            yield (
                f"{location.position}: {location.name.value!r} and {other.name.value!r} "
                f"({other.position}) both have the folder {folder!r}, which has room for one. "
                f"Say --folder '{location.name.value}=PATH' for one of them."
            )
