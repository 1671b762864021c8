"""What ``requirements.txt`` says beside requirements."""

from __future__ import annotations

import re
from pathlib import Path

_MORE_INDEXES = re.compile(r"^\s*--extra-index-url\b", re.MULTILINE)
_INCLUDED = re.compile(
    r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]*(?P<file>[^\s#]+)", re.MULTILINE
)


def names_more_indexes(file: Path, above: frozenset[Path] = frozenset()) -> bool:
    """Whether a file, or one that it includes, names more indexes than one."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        # uv reports it.
        return False
    if _MORE_INDEXES.search(text):
        return True
    seen = above | {file.resolve()}
    included = (file.parent / found["file"] for found in _INCLUDED.finditer(text))
    return any(names_more_indexes(each, seen) for each in included if each.resolve() not in seen)
