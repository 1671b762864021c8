"""The settings in force, for people: values, sources, purposes, and no password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from dagstead.server.settings import ENVIRONMENT_PREFIX, Settings
from dagstead.server.settings_sources import LoadedSettings, Source
from dagstead.store.database import masked_database_url


def report(loaded: LoadedSettings) -> list[dict[str, Any]]:
    """One row per setting."""
    return [
        {
            "name": name,
            "value": _value(loaded.settings, name),
            "source": _source(loaded, name),
            "purpose": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def shown_database(settings: Settings) -> str:
    """The database in use, without its password."""
    return masked_database_url(settings.database_url)


def _value(settings: Settings, name: str) -> Any:
    if name == "database":
        return shown_database(settings)
    if name == "public_url":
        return settings.base_url
    if name.endswith("_command"):
        # What follows the program may be a password.
        command = getattr(settings, name)
        return command.split(maxsplit=1)[0] if command else command
    if name == "trail_webhook" and settings.trail_webhook:
        # Many services put the permission into the path.
        parts = urlsplit(settings.trail_webhook)
        return f"{parts.scheme}://{parts.netloc}/…"
    value = getattr(settings, name)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _source(loaded: LoadedSettings, name: str) -> str:
    source = loaded.sources[name]
    if source is Source.FLAG:
        return f"flag --{name.replace('_', '-')}"
    if source is Source.ENVIRONMENT:
        return f"environment {ENVIRONMENT_PREFIX}{name.upper()}"
    if source is Source.FILE:
        return f"file {loaded.file}"
    return "default"
