"""Comments that found no place with an entry's lines: they go where their entry went."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence

from dagstead.project.families import Family
from dagstead.project.layouts.comments import missing, with_header
from dagstead.project.layouts.dg_tables import above_dg
from dagstead.project.layouts.entries import locations_entry
from dagstead.project.layouts.sheet import Sheet, Stretch
from dagstead.project.layouts.targets import Move
from dagstead.project.model import Project
from dagstead.project.source import Edit, SourceText


def with_all_comments(
    project: Project, moves: Sequence[Move], files: Mapping[str, SourceText | None]
) -> dict[str, SourceText | None]:
    """The files with every comment of those before.

    A comment of an entry goes above that entry, another one to the top of the file that the first
    entry of its file went to.
    """
    whole = dict(files)
    before = [each.source for each in project.files if each.path in files]
    lost = missing(before, [each for each in files.values() if each is not None])
    places: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for source, offset, text in list(lost):
        places[_place(source, offset, moves, files)].append(text)
    for (path, name), comments in places.items():
        file = project.file(path)
        there = whole.get(path) or (None if file is None else file.source)
        if there is not None:
            whole[path] = _above(there, name, comments)
    return whole


def _place(
    source: SourceText,
    offset: int,
    moves: Sequence[Move],
    files: Mapping[str, SourceText | None],
) -> tuple[str, str | None]:
    """The file for a comment, and the location that it is about."""
    own = [each for each in moves if _is_of(each, source)]
    if not own:
        gone = source.file in files and files[source.file] is None
        return (moves[0].target if gone else source.file), None
    stretch = _stretch(source, offset)
    for each in own:
        within = stretch is not None and each.location.written.source.file == source.file
        if within and stretch and stretch.start <= each.location.written.start < stretch.end:
            return _file_of_part(each, offset, files), each.location.name.value
    if own[0].location.family is Family.DG or len(own) == 1:
        return own[0].target, own[0].location.name.value
    return ("dg.toml" if files.get("dg.toml") else own[0].target), None


def _file_of_part(move: Move, offset: int, files: Mapping[str, SourceText | None]) -> str:
    """The file for a comment of an entry: dg has one of its own for some parts."""
    for key, name in (("build", "build.yaml"), ("container_context", "container_context.yaml")):
        entry = move.location.written.entry(key)
        path = posixpath.join(posixpath.dirname(move.target), name)
        made = move.target.endswith(".toml") and files.get(path) is not None
        if made and entry is not None and entry.key.start <= offset <= entry.value.end:
            return path
    return move.target


def _is_of(move: Move, source: SourceText) -> bool:
    """Whether a file defines a location, or is one of the files of its dg project."""
    if move.location.family is Family.DG:
        return posixpath.dirname(source.file) == move.location.folder
    return source.file == move.location.file


def _stretch(source: SourceText, offset: int) -> Stretch | None:
    """The lines of the entry with an offset."""
    if not source.file.endswith((".yaml", ".yml")):
        return None
    sheet = Sheet(source)
    entry = sheet.root.entry("locations")
    listing = None if entry is None else sheet.listing(entry)
    _, stretches = listing or (0, ())
    return next((each for each in stretches if each.start <= offset < each.end), None)


def _above(source: SourceText, name: str | None, comments: Sequence[str]) -> SourceText:
    if source.file.endswith(".toml"):
        return above_dg(source, comments)
    if name is None:
        return with_header(source, comments)
    sheet = Sheet(source)
    if sheet.root.entry("locations") is None:
        return with_header(source, comments)
    entry = locations_entry(sheet)
    listing = sheet.listing(entry)
    for index, each in enumerate(entry.value.items):
        called = each.get("location_name")
        if listing is not None and called is not None and called.text == name:
            column, stretches = listing
            text = "".join(f"{' ' * column}{each}{sheet.newline}" for each in comments)
            at = stretches[index].body
            return source.edited([Edit(start=at, end=at, text=text)])
    return with_header(source, comments)
