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
        places[_place(source, offset, moves)].append(text)
    for (path, name), comments in places.items():
        file = project.file(path)
        there = whole.get(path) or (None if file is None else file.source)
        if there is not None:
            whole[path] = _above(there, name, comments)
    return whole


def _place(source: SourceText, offset: int, moves: Sequence[Move]) -> tuple[str, str | None]:
    """The file for a comment, and the location that it is about."""
    own = [each for each in moves if _is_of(each, source)]
    if not own:
        return source.file, None
    if len(own) == 1:
        return own[0].target, own[0].location.name.value
    stretch = _stretch(source, offset)
    for each in own:
        if stretch is not None and stretch.start <= each.location.written.start < stretch.end:
            return each.target, each.location.name.value
    return own[0].target, None


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
