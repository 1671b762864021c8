"""Where the settings in force come from: flags, the environment, a file, or defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dagstead.errors import ConfigurationError
from dagstead.model.words import did_you_mean
from dagstead.plane.given_secrets import PREFIX
from dagstead.server.settings import ENVIRONMENT_PREFIX, Settings
from dagstead.server.settings_file import FILE_NAME, read_settings_file

_SETTING_OF_FILE = "config"
#: Variables with our prefix that are not settings: given to user code and between our processes.
_OTHER_VARIABLES = frozenset(
    {
        *("CONFIG", "DEPLOY_ID", "POOL_TOKEN", "LIFELINE", "UMASK", "WALLS", "MASTER_KEY"),
        "ALERTS_SMTP_PASSWORD",
        "REGISTRY_PASSWORD",
        "TRAIL_WEBHOOK_TOKEN",
    }
)

_NAMES = tuple(Settings.model_fields)


class Source(StrEnum):
    """Where a value comes from, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedSettings:
    """The settings in force, and their sources."""

    settings: Settings
    sources: Mapping[str, Source]
    #: The settings file that was read, if there is one.
    file: Path | None
    #: Sentences on environment variables that look like settings, but are not.
    warnings: tuple[str, ...] = ()


def load_settings(
    flags: Mapping[str, Any] | None = None, *, environment: Mapping[str, str] | None = None
) -> LoadedSettings:
    """Gather the settings: flags win over the environment, that over the file, that over defaults.

    Args:
        flags: by setting name; ``None`` values were not given. ``config`` names the file.
        environment: instead of this process's.

    Raises:
        ConfigurationError: for a value that cannot be used, with where it was set.
    """
    env = os.environ if environment is None else environment
    from_flags = {name: value for name, value in (flags or {}).items() if value is not None}
    file = from_flags.pop(_SETTING_OF_FILE, None) or env.get("DAGSTEAD_CONFIG")
    from_env = _from_environment(env)
    path = _file_to_read(file, {**from_env, **from_flags})
    from_file = read_settings_file(path, _NAMES) if path else {}
    if path and not file and "data" in from_file:
        msg = (
            f"{path}: 'data' cannot be set in the data folder's own file. Use --data or "
            "DAGSTEAD_DATA, or keep this file elsewhere and name it with --config."
        )
        raise ConfigurationError(msg)
    layers = (
        (Source.FILE, from_file),
        (Source.ENVIRONMENT, from_env),
        (Source.FLAG, from_flags),
    )
    values: dict[str, Any] = {}
    sources = dict.fromkeys(_NAMES, Source.DEFAULT)
    for source, layer in layers:
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    settings = _validated(values, sources, path)
    return LoadedSettings(
        settings=settings, sources=sources, file=path, warnings=_unknown_variables(env)
    )


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given = {name: environment.get(f"{ENVIRONMENT_PREFIX}{name.upper()}") for name in _NAMES}
    # An empty variable is how shells and Compose files spell "not set".
    return {name: value for name, value in given.items() if value}


def _file_to_read(named: str | Path | None, values: Mapping[str, Any]) -> Path | None:
    if named:
        path = Path(named)
        if not path.is_file():
            msg = f"There is no settings file {str(path)!r}. Correct --config or DAGSTEAD_CONFIG."
            raise ConfigurationError(msg)
        return path
    path = Path(values.get("data", Settings.model_fields["data"].default)) / FILE_NAME
    return path if path.is_file() else None


def _validated(
    values: Mapping[str, Any], sources: Mapping[str, Source], file: Path | None
) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        # There may be a password in it.
        is_hidden = name == "database" or name.endswith("_command")
        given = "" if is_hidden else f" {first['input']!r}"
        msg = f"{_place(name, sources[name], file)}{given}: {_reason(first['msg'])}"
        raise ConfigurationError(msg) from error


def _place(name: str, source: Source, file: Path | None) -> str:
    if source is Source.FLAG:
        return f"--{name.replace('_', '-')}"
    if source is Source.ENVIRONMENT:
        return f"{ENVIRONMENT_PREFIX}{name.upper()}"
    return f"{file}: {name}"


def _reason(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:] + "."


def _unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {name.upper() for name in _NAMES} | _OTHER_VARIABLES
    return tuple(
        f"{name} is not a setting and has no effect."
        + did_you_mean(name, [f"{ENVIRONMENT_PREFIX}{setting}" for setting in sorted(known)])
        for name in sorted(environment)
        if name.startswith(ENVIRONMENT_PREFIX)
        and not name.startswith(PREFIX)
        and name.removeprefix(ENVIRONMENT_PREFIX) not in known
    )
