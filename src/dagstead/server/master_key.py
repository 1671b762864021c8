"""Where the settings say that the master key of secrets is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from dagstead.errors import MasterKeyError
from dagstead.server.settings import Settings
from dagstead.store.key_sources import (
    OWN_KEY_FILE,
    KeyCommand,
    KeyFile,
    KeySource,
    KeyText,
    OwnKeyFile,
)

#: Never a setting: those are shown by `dagstead config show`, and flags in the list of processes.
MASTER_KEY_VARIABLE = "DAGSTEAD_MASTER_KEY"


def key_source(settings: Settings, environment: Mapping[str, str]) -> KeySource:
    """Where the master key comes from.

    Args:
        settings: in force.
        environment: this process's own.

    Raises:
        MasterKeyError: when it could come from two places.
    """
    found: dict[str, KeySource] = {}
    text = environment.get(MASTER_KEY_VARIABLE)
    if text:
        found[MASTER_KEY_VARIABLE] = KeyText(MASTER_KEY_VARIABLE, text)
    if settings.master_key_file is not None:
        found["master_key_file"] = KeyFile(settings.master_key_file)
    if settings.master_key_command is not None:
        found["master_key_command"] = KeyCommand(tuple(shlex.split(settings.master_key_command)))
    if len(found) > 1:
        msg = f"The master key is given by {' and by '.join(found)}. Keep one of them."
        raise MasterKeyError(msg)
    return next(iter(found.values()), OwnKeyFile(settings.data / OWN_KEY_FILE))


def place_of_key(settings: Settings, environment: Mapping[str, str]) -> str:
    """Where the master key is, for people who are to keep a copy of it.

    Raises:
        MasterKeyError: as :func:`key_source`.
    """
    source = key_source(settings, environment)
    is_own = isinstance(source, OwnKeyFile)
    return str(settings.data / OWN_KEY_FILE) if is_own else f"it is given by {source.name}"
