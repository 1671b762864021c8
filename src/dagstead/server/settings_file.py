"""The settings file, ``dagstead.toml``: flat names, the same as the flags' with underscores."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagstead.errors import ConfigurationError

FILE_NAME = "dagstead.toml"

#: Settings that hold a path: relative ones count from the file's folder.
_PATHS = frozenset({"data"})


def read_settings_file(path: Path, known: Sequence[str]) -> dict[str, Any]:
    """The values of a settings file.

    Raises:
        ConfigurationError: when it is no TOML, or has a key that is no setting.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read: {error}."
        raise ConfigurationError(msg) from error
    for name in values:
        if name not in known:
            msg = (
                f"{path}: {name!r} is no setting.{closest(name, known)} "
                "See all with `dagstead config show`."
            )
            raise ConfigurationError(msg)
    return {
        name: path.parent / value if name in _PATHS and isinstance(value, str) else value
        for name, value in values.items()
    }


def closest(name: str, known: Sequence[str]) -> str:
    """A did-you-mean sentence with a space before it, or nothing."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean {found[0]!r}?" if found else ""
