"""Comments that found no place with an entry's lines: they go where their entry went."""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from dagstead.model.families import Family
from dagstead.model.source import Edit, SourceText
from dagstead.repository.files.project import Project
from dagstead.repository.layouts.append import has_content
from dagstead.repository.layouts.comments import comments_of, missing, with_header
from dagstead.repository.layouts.dg_tables import above_dg
from dagstead.repository.layouts.sheet import Sheet, Stretch
from dagstead.repository.layouts.targets import Move


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
    places: dict[str, dict[str | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    for source, found in groupby(list(lost), key=lambda each: each[0]):
        own = [each for each in moves if _is_of(each, source)]
        entries = _entries(source, own)
        repeated = _repeated(project, own, files)
        for _, offset, text in found:
            path, name = _place(source, offset, entries, moves, files)
            if text not in repeated:
                places[path][name].append(text)
    for path, comments in places.items():
        file = project.file(path)
        there = whole.get(path) or (None if file is None else file.source)
        if there is not None:
            whole[path] = _above(there, comments)
    return whole


@dataclass(frozen=True, slots=True)
class _Entry:
    """The lines of a move's entry; none where they are not known."""

    move: Move
    start: int
    end: int


def _repeated(
    project: Project, own: Sequence[Move], files: Mapping[str, SourceText | None]
) -> frozenset[str]:
    """The comments that a copy has as the original has them, where a file holds copies alone."""
    if not own or not all(each.duplicate for each in own):
        return frozenset()
    texts: set[str] = set()
    for path in {each.target for each in own}:
        file = project.file(path)
        there = files.get(path) or (None if file is None else file.source)
        texts |= set() if there is None else {text for _, text in comments_of(there)}
    return frozenset(texts)


def _place(
    source: SourceText,
    offset: int,
    own: Sequence[_Entry],
    moves: Sequence[Move],
    files: Mapping[str, SourceText | None],
) -> tuple[str, str | None]:
    """The file for a comment, and the location that it is about."""
    if not own:
        gone = source.file in files and files[source.file] is None
        return (moves[0].target if gone else source.file), None
    for each in own:
        if each.start <= offset < each.end:
            target = _file_of_part(each.move, offset, files)
            return target, each.move.location.name.value
    first = own[0].move
    if first.location.family is Family.DG or len(own) == 1:
        return first.target, first.location.name.value
    return ("dg.toml" if files.get("dg.toml") else first.target), None


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


def _entries(source: SourceText, own: Sequence[Move]) -> list[_Entry]:
    """The moves of a file with the lines of their entries."""
    stretches: Sequence[Stretch] = ()
    if source.file.endswith((".yaml", ".yml")) and has_content(source):
        sheet = Sheet(source)
        entry = sheet.root.entry("locations")
        listing = None if entry is None else sheet.listing(entry)
        stretches = listing[1] if listing else ()
    by_start = {each.body: each for each in stretches}
    bodies = sorted(by_start)
    found = []
    for move in own:
        written = move.location.written
        at = bisect_right(bodies, written.start) - 1
        if at >= 0 and written.source.file == source.file:
            stretch = by_start[bodies[at]]
            found.append(_Entry(move, stretch.start, stretch.end))
        else:
            found.append(_Entry(move, 0, 0))
    return found


def _above(source: SourceText, comments: Mapping[str | None, Sequence[str]]) -> SourceText:
    """The text with comments above the entries of some names; what is about none, on top."""
    every = [text for each in comments.values() for text in each]
    if source.file.endswith(".toml"):
        return above_dg(source, every)
    sheet = Sheet(source)
    entry = sheet.root.entry("locations")
    listing = None if entry is None else sheet.listing(entry)
    if entry is None or listing is None:
        return with_header(source, every)
    column, stretches = listing
    edits, placed = [], set()
    for item, stretch in zip(entry.value.items, stretches, strict=True):
        called = item.get("location_name")
        name = None if called is None else called.text
        if name is not None and name in comments:
            placed.add(name)
            lines = (f"{' ' * column}{each}{sheet.newline}" for each in comments[name])
            edits.append(Edit(start=stretch.body, end=stretch.body, text="".join(lines)))
    rest = [text for name, each in comments.items() if name not in placed for text in each]
    return with_header(source.edited(edits), rest)
