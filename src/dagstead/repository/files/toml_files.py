"""Documents of TOML without places, for what asks the same files of many locations."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TomlFiles:
    """Documents of TOML. Every file is read once."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._read: dict[str, Mapping[str, Any] | None] = {}

    def get(self, path: str | Path) -> Mapping[str, Any] | None:
        """A document, ``None`` where there is none that can be read.

        Whoever needs it reports what cannot be read, with the place.
        """
        key = os.fspath(path)
        if key not in self._read:
            self._read[key] = _document(key)
        return self._read[key]


def _document(path: str) -> Mapping[str, Any] | None:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - thousands
            return tomllib.loads(stream.read().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
