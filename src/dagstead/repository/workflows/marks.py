"""How files begin that were generated."""

from __future__ import annotations

#: The beginning of every generated file.
MARK = "# Made by `dagstead workflow generate`."
#: What it was when the command had its older name.
OLDER_MARK = "# Made by `dagstead workflows generate`."


def is_ours(text: str) -> bool:
    """Whether a file with this text may be written over: it is generated, or not there."""
    return not text or text.startswith((MARK, OLDER_MARK))
