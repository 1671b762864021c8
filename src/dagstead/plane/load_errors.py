"""Errors of code that cannot be loaded, as agents report them, read for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Where packages are, and not the code of whoever deploys.
_OF_OTHERS = ("/site-packages/", "/dist-packages/", "/.deps/", "<frozen ", "/lib/python3")
#: An error may have many causes; a page shows the first ones.
_MOST_CAUSES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class StackFrame:
    """A line of a traceback, with the code on it."""

    text: str
    #: Whether it is in the code that was deployed, and not in a package.
    is_own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadError:
    """One error of a chain."""

    message: str
    kind: str | None
    frames: tuple[StackFrame, ...]

    @property
    def own_frames(self) -> tuple[StackFrame, ...]:
        """The frames in the code that was deployed."""
        return tuple(frame for frame in self.frames if frame.is_own)

    @property
    def said(self) -> str:
        """The message without the kind, with which tracebacks begin it."""
        if self.kind is None:
            return self.message
        start, colon, rest = self.message.partition(": ")
        return rest if colon and start.rpartition(".")[2] == self.kind else self.message

    @property
    def line(self) -> str:
        """The message on one line."""
        return " ".join(self.message.split())


def read_load_error(serialized: str | None) -> tuple[LoadError, ...]:
    """The errors of a chain, the innermost first: it says what is wrong, the others where it was.

    Args:
        serialized: a ``SerializableErrorInfo``; what is none is shown as it is.
    """
    if not serialized:
        return ()
    try:
        found = json.loads(serialized)
    except ValueError:
        found = None
    if not isinstance(found, Mapping) or "message" not in found:
        return (LoadError(message=serialized, kind=None, frames=()),)
    chain: list[LoadError] = []
    while isinstance(found, Mapping) and len(chain) < _MOST_CAUSES:
        chain.append(_read(found))
        found = found.get("cause")
    return tuple(reversed(chain))


def _read(found: Mapping[str, Any]) -> LoadError:
    stack = found.get("stack")
    frames = stack if isinstance(stack, list) else []
    kind = found.get("cls_name")
    return LoadError(
        message=str(found.get("message") or "").strip(),
        kind=kind if isinstance(kind, str) else None,
        frames=tuple(_frame(str(each)) for each in frames),
    )


def _frame(text: str) -> StackFrame:
    return StackFrame(text=text.rstrip("\n"), is_own=not any(place in text for place in _OF_OTHERS))
