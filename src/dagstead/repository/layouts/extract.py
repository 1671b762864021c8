"""Takes entries out of a file: their lines with their comments, and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dagstead.model.source import Edit, SourceText
from dagstead.repository.layouts.aliases import written_out
from dagstead.repository.layouts.comments import comments_of
from dagstead.repository.layouts.entries import (
    as_block_list,
    locations_entry,
    with_defaults,
    with_directories,
    without_defaults,
)
from dagstead.repository.layouts.sheet import Sheet, Stretch, text_lines


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryLines:
    """The lines of one entry, without line ends."""

    #: The file that it is from.
    source: SourceText = field(repr=False)
    target: str
    #: The column of its dash.
    column: int
    #: Comments and empty lines above it.
    lead: tuple[str, ...]
    #: From its dash to the last of its comments.
    body: tuple[str, ...]
    #: Of the first entry of a file that goes: what stood above all entries.
    header: tuple[str, ...] = ()
    #: Of the last entry of a file that goes: comments below all entries.
    footer: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Remainder:
    """A file from which entries were taken."""

    pieces: tuple[EntryLines, ...]
    #: The file that is left, ``None`` when no entry is.
    rest: SourceText | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """The entries to take out of a file, by index."""

    #: The file that each entry goes to; those that are not named stay.
    targets: Mapping[int, str]
    #: New values of ``build.directory``.
    directories: Mapping[int, str]
    #: Entries in which ``defaults`` are written out.
    defaults: frozenset[int]
    #: Entries that are taken away and go nowhere.
    dropped: frozenset[int] = frozenset()


def extract_entries(source: SourceText, taking: Extraction) -> Remainder:
    """Take entries out of the text of a file."""
    source = prepared(source, taking)
    sheet = Sheet(source)
    column, stretches = _listing(sheet)
    leaving = sorted(taking.targets)
    pieces = [
        _piece(sheet, stretches[index], column, taking.targets[index])
        for index in leaving
        if index not in taking.dropped
    ]
    if len(leaving) < len(stretches):
        edits = [
            Edit(start=stretches[index].start, end=stretches[index].end, text="")
            for index in leaving
        ]
        return Remainder(pieces=tuple(pieces), rest=source.edited(edits))
    if pieces:
        top = sheet.lines[sheet.line_at(sheet.root.start)].start
        found = list(comments_of(source))
        inner = (text for at, text in found if top <= at < stretches[0].start)
        footer = (text for at, text in found if at >= stretches[-1].end)
        header = (*_without_blanks(text_lines(source.text[:top])), *inner)
        pieces[0] = replace(pieces[0], header=header)
        pieces[-1] = replace(pieces[-1], footer=tuple(footer))
    return Remainder(pieces=tuple(pieces), rest=None)


def prepared(source: SourceText, taking: Extraction) -> SourceText:
    """The text with everything written out that must not stay behind, and with new paths."""
    source = as_block_list(source)
    sheet = Sheet(source)
    _, stretches = _listing(sheet)

    def group(offset: int) -> object:
        for index, each in enumerate(stretches):
            if each.start <= offset < each.end:
                return taking.targets.get(index, source.file)
        return ... if len(taking.targets) == len(stretches) else source.file

    loose = [range(stretches[each].start, stretches[each].end) for each in sorted(taking.defaults)]
    has_defaults = sheet.root.get("defaults") is not None
    source = written_out(source, group, loose if has_defaults else ())
    source = with_defaults(source, sorted(taking.defaults))
    if len(taking.defaults) == len(stretches):
        source = without_defaults(source)
    return with_directories(source, taking.directories)


def _listing(sheet: Sheet) -> tuple[int, Sequence[Stretch]]:
    listing = sheet.listing(locations_entry(sheet))
    if listing is None:
        msg = f"{sheet.source.file}: locations cannot be taken apart"
        raise ValueError(msg)
    return listing


def _piece(sheet: Sheet, stretch: Stretch, column: int, target: str) -> EntryLines:
    return EntryLines(
        source=sheet.source,
        target=target,
        column=column,
        lead=tuple(text_lines(sheet.text[stretch.start : stretch.body])),
        body=tuple(text_lines(sheet.text[stretch.body : stretch.end])),
    )


def _without_blanks(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
