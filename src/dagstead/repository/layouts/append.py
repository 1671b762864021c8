"""Appends entries to a file that has some, or puts them into a new one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import yaml

from dagstead.model.source import Edit, SourceText
from dagstead.repository.files.yaml_reader import read_yaml, scanned
from dagstead.repository.layouts.aliases import renamed_anchors
from dagstead.repository.layouts.edits import behind
from dagstead.repository.layouts.entries import as_block_list, without_outer_brackets
from dagstead.repository.layouts.extract import EntryLines
from dagstead.repository.layouts.sheet import Sheet, newline_of, text_lines

_STEP = 2


def append_entries(
    source: SourceText | None, path: str, pieces: Sequence[EntryLines]
) -> SourceText:
    """A file with entries behind those that it has; a new one when there is none."""
    if source is not None and has_content(source):
        source = without_outer_brackets(source)
    if source is None or not has_content(source):
        return _new_file(source, path, pieces)
    return _appended(source, pieces)


def has_content(source: SourceText) -> bool:
    """Whether anything but comments is written in a text."""
    return read_yaml(source).root is not None


def _new_file(there: SourceText | None, path: str, pieces: Sequence[EntryLines]) -> SourceText:
    """A file that is written as the file of its first entry is."""
    first, last = pieces[0], pieces[-1]
    lines = [] if there is None else [each for each in text_lines(there.text) if each != "..."]
    lines += [*first.header, "locations:"]
    for index, each in enumerate(_with_own_anchors(pieces, set())):
        bare = replace(
            each,
            header=() if index == 0 else each.header,
            footer=() if index == len(pieces) - 1 else each.footer,
        )
        lines += _lines(bare, first.column, separated=index > 0)
    lines += last.footer
    newline = newline_of(first.source.text)
    text = newline.join(lines) + newline
    return SourceText(file=path, text=text, bom=first.source.bom)


def _appended(source: SourceText, pieces: Sequence[EntryLines]) -> SourceText:
    """The text with entries behind those that it has."""
    sheet = Sheet(source)
    entry = sheet.root.entry("locations")
    if entry is None or not entry.value.items:
        return _filled(sheet, pieces)
    source = as_block_list(source)
    sheet = Sheet(source)
    entry = sheet.root.entry("locations")
    listing = None if entry is None else sheet.listing(entry)
    if listing is None:
        msg = f"{source.file}: nothing can be added to locations"
        raise ValueError(msg)
    column, stretches = listing
    separated = len(stretches) == 1 or any(
        sheet.text[each.start : each.body].startswith(("\n", "\r")) for each in stretches[1:]
    )
    end = stretches[-1].end
    lines = [
        line
        for each in _with_own_anchors(pieces, _anchors(source.text))
        for line in _lines(each, column, separated=separated)
    ]
    text = "".join(f"{line}{sheet.newline}" for line in lines)
    if not sheet.text[:end].endswith(("\n", "\r")):
        text = sheet.newline + text.removesuffix(sheet.newline)
    return source.edited([Edit(start=end, end=end, text=text)])


def _shifted(lines: Sequence[str], by: int) -> list[str]:
    """Lines indented more, or less as far as they are."""
    if by >= 0:
        return [" " * by + each if each.strip() else each for each in lines]
    return [each[min(-by, len(each) - len(each.lstrip(" "))) :] for each in lines]


def _filled(sheet: Sheet, pieces: Sequence[EntryLines]) -> SourceText:
    """A list that has no entries yet gets some."""
    base = sheet.column(sheet.root.start)
    column = pieces[0].column if not base else base + _STEP
    lines: list[str] = []
    for index, each in enumerate(_with_own_anchors(pieces, _anchors(sheet.text))):
        lines += _lines(each, column, separated=index > 0)
    entry = sheet.root.entry("locations")
    if entry is None:
        end = sheet.content_end(0, len(sheet.text))
        return sheet.source.edited([behind(sheet, end, [" " * base + "locations:", *lines])])
    start, end = sheet.value_span(entry)
    start = len(sheet.text[:start].rstrip())
    text = "".join(sheet.newline + each for each in lines)
    return sheet.source.edited([Edit(start=start, end=end, text=text)])


def _lines(piece: EntryLines, column: int, *, separated: bool) -> list[str]:
    lead = list(piece.lead)
    while lead and not lead[0].strip():
        del lead[0]
    above = [" " * column + each.strip() for each in piece.header if each.lstrip()[:1] == "#"]
    below = [" " * (column + 2) + each for each in piece.footer]
    lines = [*above, *_shifted([*lead, *piece.body], column - piece.column), *below]
    return ["", *lines] if separated else lines


def _with_own_anchors(pieces: Sequence[EntryLines], taken: set[str]) -> Iterable[EntryLines]:
    """Pieces without two anchors of the same name from different files."""
    names = set(taken)
    renamed: dict[int, dict[str, str]] = defaultdict(dict)
    for each in pieces:
        known = renamed[id(each.source)]
        text = "\n".join(each.body)
        for name in sorted(_anchors(text) - known.keys()):
            known[name] = _free(name, names)
            names.add(known[name])
        if any(old != new for old, new in known.items()):
            body = renamed_anchors(SourceText(file=each.target, text=text), known)
            yield replace(each, body=tuple(text_lines(body.text)))
        else:
            yield each


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _anchors(text: str) -> set[str]:
    if "&" not in text:
        return set()
    return {each.value for each in scanned(text) if isinstance(each, yaml.AnchorToken)}
