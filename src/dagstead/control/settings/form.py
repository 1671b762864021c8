"""What is wrong with settings, and which of those that are stored have no effect.

Both are read from the tables. Settings are checked when they are set; those that an older version
has stored stay as they are, and what this one does not honour of them is ignored and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import ErrorDetails

from dagstead.control.settings.deployment import DEPLOYMENT_TABLE
from dagstead.control.settings.organization import ORGANIZATION_TABLE
from dagstead.control.settings.rows import HonouredSetting, RefusedSetting, Row, Section
from dagstead.model.words import did_you_mean

#: Of a value in a sentence.
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoredSetting:
    """A setting that is stored and has no effect."""

    path: str
    #: Why, and what to do, as a sentence or two.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mistake:
    """A key that nobody knows, or a value that it cannot have."""

    #: From the outermost key of the settings.
    keys: tuple[str, ...]
    value: object
    says: str
    is_unknown: bool

    @classmethod
    def of(cls, error: ErrorDetails, settings: Mapping[str, Any]) -> Self:
        return cls(
            keys=tuple(_keys(error["loc"], settings, is_missing=error["type"] == "missing")),
            value=error["input"],
            says="Input should be a mapping"
            if error["type"] == "model_type"
            else error["msg"].removeprefix("Value error, ").rstrip("."),
            is_unknown=error["type"] == "extra_forbidden",
        )

    @property
    def path(self) -> str:
        return ".".join(self.keys)


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """A table of settings, as it is used."""

    table: Sequence[Row]
    model: type[BaseModel]

    @classmethod
    def of(cls, table: Sequence[Row]) -> SettingsForm:
        """The form of a table."""
        honoured = (row for row in table if isinstance(row, HonouredSetting))
        return cls(table, _model((row.path.split("."), row) for row in honoured))

    def errors(self, settings: Mapping[str, Any]) -> list[str]:
        """One sentence for every mistake."""
        return [self._sentence(mistake) for mistake in self._mistakes(settings)]

    def ignored(self, settings: Mapping[str, Any]) -> Sequence[IgnoredSetting]:
        """What has no effect of settings that are stored."""
        return [
            IgnoredSetting(path=mistake.path, reason=self._sentence(mistake))
            for mistake in self._mistakes(settings)
        ]

    def in_force(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Stored settings without what has no effect."""
        left = deepcopy(dict(settings))
        for mistake in self._mistakes(settings):
            self._remove(left, mistake.keys)
        return left

    def _mistakes(self, settings: Mapping[str, Any]) -> Sequence[_Mistake]:
        try:
            self.model.model_validate(settings)
        except ValidationError as error:
            every = {
                mistake.keys: mistake
                for mistake in (_Mistake.of(each, settings) for each in reversed(error.errors()))
            }
            # A value that may be of several kinds has a mistake for each: the deepest says most.
            inner = {keys[:depth] for keys in every for depth in range(len(keys))}
            return [mistake for keys, mistake in every.items() if keys not in inner][::-1]
        return ()

    def _remove(self, settings: dict[str, Any], path: Sequence[str]) -> None:
        """Take out a key; a setting goes as a whole, whatever in it is wrong."""
        here: Any = settings
        for depth, key in enumerate(path, 1):
            if depth == len(path) or self._is_setting(".".join(path[:depth])):
                del here[key]
                return
            here = here[key]

    def _is_setting(self, path: str) -> bool:
        return any(row.path == path for row in self.table)

    def _refusal(self, path: str) -> RefusedSetting | None:
        every = (row for row in self.table if isinstance(row, RefusedSetting))
        return next((row for row in every if f"{path}.".startswith(f"{row.path}.")), None)

    def _sentence(self, mistake: _Mistake) -> str:
        path = mistake.path
        if not mistake.is_unknown:
            return f"{path} is {_short(mistake.value)}: {mistake.says}."
        if (refusal := self._refusal(path)) is not None:
            return f"{path} changes nothing here: {refusal.because}. {refusal.instead}"
        known = _known(mistake.keys[:-1], self.model)
        hint = did_you_mean(mistake.keys[-1], known) or f" Known here: {', '.join(known)}."
        return f"Unknown setting {path!r}.{hint}"


def deployment_settings_errors(settings: Mapping[str, Any]) -> list[str]:
    """One sentence for every mistake in a deployment's settings."""
    if errors := DEPLOYMENT_FORM.errors(settings):
        return errors
    if settings.get("run_queue") and (settings.get("concurrency") or {}).get("runs"):
        return ["run_queue and concurrency.runs are the same setting. Keep only concurrency.runs."]
    return []


def organization_settings_errors(settings: Mapping[str, Any]) -> list[str]:
    """One sentence for every mistake in the organization's settings."""
    if errors := ORGANIZATION_FORM.errors(settings):
        return errors
    every = settings.get("max_concurrent_branch_deployment_runs")
    one = settings.get("max_concurrent_runs_per_branch_deployment")
    if every is not None and one is not None and one > every:
        sentence = (
            f"max_concurrent_runs_per_branch_deployment is {one}, more than the {every} that all "
            "branch deployments may have together (max_concurrent_branch_deployment_runs)."
        )
        return [sentence]
    return []


def _model(rows: Iterable[tuple[Sequence[str], HonouredSetting]]) -> type[BaseModel]:
    """A model of settings, with a model for every section.

    Args:
        rows: with the keys of their paths that lie in this model.
    """
    fields: dict[str, Any] = {}
    sections: dict[str, list[tuple[Sequence[str], HonouredSetting]]] = {}
    for (key, *below), row in rows:
        if below:
            sections.setdefault(key, []).append((below, row))
        else:
            fields[key] = (row.takes | None, None)
    fields |= {key: (_model(inner) | None, None) for key, inner in sections.items()}
    return create_model("Settings", __base__=Section, **fields)


def _keys(
    loc: tuple[int | str, ...], settings: Mapping[str, Any], *, is_missing: bool
) -> Iterator[str]:
    """The keys and positions that lead to a mistake, without the names of pydantic's models."""
    here: Any = settings
    for position, part in enumerate(loc, 1):
        is_in_list = isinstance(part, int) and isinstance(here, list)
        if is_in_list or (isinstance(here, dict) and part in here):
            yield str(part)
            here = here[part]
        elif is_missing and position == len(loc):
            yield str(part)


def _known(path: Sequence[str], form: type[BaseModel]) -> list[str]:
    model: Any = form
    for part in path:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        options = getattr(field.annotation, "__args__", ()) if field else ()
        model = next((option for option in options if hasattr(option, "model_fields")), None)
    return sorted(model.model_fields) if model else []


def _short(value: object) -> str:
    text = repr(value)
    cut = _SHOWN_CHARACTERS - 3
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:cut]}..."


DEPLOYMENT_FORM = SettingsForm.of(DEPLOYMENT_TABLE)
ORGANIZATION_FORM = SettingsForm.of(ORGANIZATION_TABLE)
