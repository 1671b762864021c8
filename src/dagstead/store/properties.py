"""Values of the whole installation: the settings of the organization, the pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from dagstead.plane.pauses import Pause
from dagstead.store.database import Database
from dagstead.store.tables import properties

_PAUSE = "pause"
#: Beside it, if everything is paused: older versions read the pause as it was.
_EVERYTHING = "pause_everything"


@dataclass(frozen=True, slots=True)
class PropertyStore:
    """Stores JSON values by name."""

    database: Database

    def organization_settings(self) -> Mapping[str, Any]:
        """The organization's settings, empty at first."""
        found: Mapping[str, Any] | None = self._get("organization_settings")
        return found or {}

    def set_organization_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace the organization's settings."""
        self._set("organization_settings", dict(settings))

    def pause(self) -> Pause | None:
        """The pause, ``None`` when there is none."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(properties.c.name, properties.c.value).where(
                    properties.c.name.in_((_PAUSE, _EVERYTHING))
                )
            ).all()
        found = {row.name: row.value for row in rows}
        if _PAUSE not in found:
            return None
        return Pause(**found[_PAUSE], everything=_EVERYTHING in found)

    def begin_pause(self, pause: Pause) -> bool:
        """Begin a pause; returns whether it is new, or stops more than the one before."""
        stops_more = pause.everything and self._insert_if_missing(_EVERYTHING, value=True)
        stored = {"since": pause.since, "reason": pause.reason}
        return self._insert_if_missing(_PAUSE, stored) or stops_more

    def end_pause(self) -> bool:
        """End the pause; returns whether there was one."""
        with self.database.write() as connection:
            connection.execute(delete(properties).where(properties.c.name == _EVERYTHING))
            return bool(
                connection.execute(delete(properties).where(properties.c.name == _PAUSE)).rowcount
            )

    def _get(self, name: str) -> Any:
        with self.database.read() as connection:
            return connection.execute(
                select(properties.c.value).where(properties.c.name == name)
            ).scalar_one_or_none()

    def _set(self, name: str, value: Any) -> None:
        with self.database.write() as connection:
            changed = connection.execute(
                update(properties).where(properties.c.name == name).values(value=value)
            ).rowcount
        if not changed and not self._insert_if_missing(name, value):
            self._set(name, value)

    def _insert_if_missing(self, name: str, value: Any) -> bool:
        try:
            with self.database.write() as connection:
                connection.execute(insert(properties).values(name=name, value=value))
        except IntegrityError:
            return False
        return True


def is_paused() -> ColumnElement[bool]:
    """Whether there is a pause, as a part of a statement."""
    return exists().where(properties.c.name == _PAUSE)


def is_everything_paused() -> ColumnElement[bool]:
    """Whether the pause stops all work of agents, as a part of a statement."""
    return exists().where(properties.c.name == _EVERYTHING)
