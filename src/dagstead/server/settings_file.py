"""The settings file, ``dagstead.toml``: flat names, the same as the flags' with underscores."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagstead.errors import ConfigurationError
from dagstead.model.words import did_you_mean

FILE_NAME = "dagstead.toml"

#: Settings that hold a path: relative ones count from the file's folder.
_PATHS = frozenset({"data", "master_key_file", "trail_file"})


def read_settings_file(path: Path, known: Sequence[str]) -> dict[str, Any]:
    """The values of a settings file.

    Raises:
        ConfigurationError: when it is not TOML, or has a key that is not a setting.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read: {error}."
        raise ConfigurationError(msg) from error
    for name in values:
        if name not in known:
            msg = (
                f"{path}: {name!r} is not a setting.{did_you_mean(name, known)} "
                "See all with `dagstead config show`."
            )
            raise ConfigurationError(msg)
    return {
        name: path.parent / value if name in _PATHS and isinstance(value, str) else value
        for name, value in values.items()
    }
