"""Texts that cannot be stored: Postgres refuses U+0000, and nobody can write half a character.

SQLite would take the first, so that what works there would fail elsewhere: both are refused before
anything is done, on either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from dagstead.errors import InvalidInputError

#: How JSON and GraphQL write them; a pair of surrogates is one character, and fine.
_ESCAPED = re.compile(r"\\u(?:0000|\{0+\}|[dD][89a-fA-F])")
_ESCAPED_BYTES = re.compile(_ESCAPED.pattern.encode())


class UnstorableTextError(InvalidInputError):
    """The request has the character U+0000, or half of a character, which cannot be stored."""


def is_suspicious(written: str | bytes) -> bool:
    """Whether JSON or GraphQL may hold such a text; few do, and only those need a look inside."""
    if isinstance(written, str):
        return bool(_ESCAPED.search(written))
    return bool(_ESCAPED_BYTES.search(written))


def is_storable(text: str) -> bool:
    """Whether a database takes a text."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_storable(*texts: str | None) -> None:
    """Refuse texts that no database takes.

    Raises:
        UnstorableTextError: when there is one.
    """
    if not all(text is None or is_storable(text) for text in texts):
        raise UnstorableTextError


def require_small(what: str, value: object, most: int) -> int:
    """Refuse JSON that is larger than anybody needs, of what others read again and again.

    Args:
        what: it is, as the subject of a sentence.
        value: of a caller.
        most: of bytes, written out.

    Returns:
        Its size in bytes.

    Raises:
        InvalidInputError: with its size.
    """
    size = len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > most:
        raise InvalidInputError(f"{what} has {size} bytes, and at most {most} are taken.")
    return size


def require_storable_values(value: object, passed_over: Iterable[str] = ()) -> None:
    """Refuse JSON that has such a text in it, as a value or as a name.

    Args:
        value: of any depth.
        passed_over: names whose values are not looked at.

    Raises:
        UnstorableTextError: when there is one.
    """
    skipped = frozenset(passed_over)
    pending: list[object] = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, str):
            require_storable(found)
        elif isinstance(found, Mapping):
            pending.extend(found)
            pending.extend(inner for name, inner in found.items() if name not in skipped)
        elif isinstance(found, Sequence) and not isinstance(found, bytes):
            pending.extend(found)
