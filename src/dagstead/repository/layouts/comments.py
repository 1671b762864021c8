"""Comments: every comment of the old files is in a new one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from dagstead.model.source import SourceText
from dagstead.repository.files.toml_reader import comment_offsets
from dagstead.repository.layouts.sheet import Sheet, newline_of

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*")
_BLOCK_HEAD = re.compile(r"[|>][-+\d]*[ \t]+(#[^\r\n]*)")
_PROLOGUE = re.compile(r"(?:%[^\r\n]*(?:\r\n|\n|\r))*---[ \t]*(?:\r\n|\n|\r)")


def comments_of(source: SourceText) -> Iterator[tuple[int, str]]:
    """Offsets and texts of the comments of a YAML or TOML text, from ``#`` on, in order."""
    if source.file.endswith(".toml"):
        return ((each, _line_from(source.text, each)) for each in comment_offsets(source.text))
    return _yaml_comments(source)


def _yaml_comments(source: SourceText) -> Iterator[tuple[int, str]]:
    try:
        tokens = Sheet(source).tokens
    except ValueError:
        # Nothing but comments is written there.
        tokens = ()
    done = 0
    for start, end in [*((each.start, each.end) for each in tokens), (len(source.text),) * 2]:
        for found in _COMMENT.finditer(source.text, done, start):
            yield found.start(), found[0].rstrip()
        head = _BLOCK_HEAD.match(source.text, start, end)
        if head:
            yield head.start(1), head[1].rstrip()
        done = end


def missing(
    before: Iterable[SourceText], after: Iterable[SourceText]
) -> Iterator[tuple[SourceText, int, str]]:
    """The comments that are in fewer places after than before: where, and what they say."""
    there = Counter(text for each in after for _, text in comments_of(each))
    for source in before:
        for offset, text in comments_of(source):
            if there[text]:
                there[text] -= 1
            else:
                yield source, offset, text


def with_header(source: SourceText, comments: Sequence[str]) -> SourceText:
    """The text with comments at its top, each a line."""
    if not comments:
        return source
    newline = newline_of(source.text)
    prologue = _PROLOGUE.match(source.text)
    at = prologue.end() if prologue else 0
    text = "".join(f"{each}{newline}" for each in comments)
    return SourceText(
        file=source.file, text=source.text[:at] + text + source.text[at:], bom=source.bom
    )


def _line_from(text: str, offset: int) -> str:
    return re.split(r"[\r\n]", text[offset:], maxsplit=1)[0].rstrip()
