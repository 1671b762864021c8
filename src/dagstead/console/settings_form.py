"""The settings of a deployment as fields: made from their table, and merged into what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any, Literal, get_args, get_origin

from dagstead.console.calls import PageCall
from dagstead.control.settings.deployment import DEPLOYMENT_TABLE
from dagstead.control.settings.form import DEPLOYMENT_FORM
from dagstead.control.settings.rows import DAYS_OF_TICKS, HonouredSetting
from dagstead.errors import InvalidInputError

#: Before the path of a setting, in the names of fields: what is wanted, and what was shown.
_SET = "set:"
_WAS = "was:"
#: The older name of another section: shown where it is used.
_OLDER = "run_queue."


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingField:
    """One setting in the form."""

    path: str
    #: As the form has it; empty is the default.
    value: str
    #: As it is stored.
    stored: str
    #: What may be chosen; empty where a number is typed.
    choices: Sequence[str]
    values: str
    default: str
    does: str
    #: What is wrong with the value.
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingGroup:
    """The settings of one section."""

    name: str
    fields: Sequence[SettingField]
    #: Whether one of them is set, or wrong.
    is_open: bool


def groups_of(settings: Mapping[str, Any], call: PageCall) -> list[SettingGroup]:
    """The settings that are a word or a number; others are set as YAML.

    Args:
        settings: as they are stored.
        call: with what the form has sent, if that was refused.
    """
    given = _given(call)
    errors = _errors(_merged(settings, given)) if given else {}
    fields = [
        SettingField(
            path=row.path,
            value=given.get(row.path, stored),
            stored=stored,
            choices=_choices(row),
            values=row.values,
            default=row.default,
            does=row.does,
            error=errors.get(row.path),
        )
        for row in _rows(settings)
        for stored in [_written(_found(settings, row.path))]
    ]
    return [
        SettingGroup(name=name, fields=own, is_open=any(each.value or each.error for each in own))
        for name, found in groupby(fields, key=lambda each: each.path.partition(".")[0])
        for own in [list(found)]
    ]


def changed(settings: Mapping[str, Any], call: PageCall) -> dict[str, Any]:
    """The stored settings with what the form changes: what somebody else has set meanwhile stays.

    Raises:
        InvalidInputError: when a field has a mistake, which then stands beside it.
    """
    given = _given(call)
    shown = {path: call.field(f"{_WAS}{path}") for path in given}
    merged = _merged(settings, {path: text for path, text in given.items() if text != shown[path]})
    wrong = _errors(merged).keys() & given.keys()
    if wrong:
        raise InvalidInputError(
            f"Nothing was changed: {', '.join(sorted(wrong))} cannot have that value. The reason "
            "stands beside it."
        )
    return merged


def _given(call: PageCall) -> dict[str, str]:
    return {
        name.removeprefix(_SET): call.field(name) for name in call.form if name.startswith(_SET)
    }


def _errors(settings: Mapping[str, Any]) -> dict[str, str]:
    return {each.path: each.reason for each in DEPLOYMENT_FORM.ignored(settings)}


def _rows(settings: Mapping[str, Any]) -> Iterator[HonouredSetting]:
    for row in DEPLOYMENT_TABLE:
        if not isinstance(row, HonouredSetting) or not _is_plain(row):
            continue
        found = _found(settings, row.path)
        is_used = found is not None or not row.path.startswith(_OLDER)
        if is_used and not isinstance(found, dict | list):
            yield row


def _is_plain(row: HonouredSetting) -> bool:
    """Whether its values are words or numbers."""
    inner = get_args(row.takes)[0] if hasattr(row.takes, "__metadata__") else row.takes
    is_number = inner in {bool, int, float} or row.takes == DAYS_OF_TICKS
    return is_number or get_origin(row.takes) is Literal


def _choices(row: HonouredSetting) -> Sequence[str]:
    if row.takes is bool:
        return ("true", "false")
    return tuple(map(str, get_args(row.takes))) if get_origin(row.takes) is Literal else ()


def _found(settings: Mapping[str, Any], path: str) -> Any:
    here: Any = settings
    for key in path.split("."):
        here = here.get(key) if isinstance(here, Mapping) else None
    return here


def _written(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _merged(settings: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    merged = deepcopy(dict(settings))
    for path, text in given.items():
        _put(merged, path.split("."), text)
    return merged


def _put(settings: dict[str, Any], keys: Sequence[str], text: str) -> None:
    """Set a value, or take it out with the sections that it leaves empty."""
    key, *below = keys
    if not below:
        if text:
            settings[key] = _read(text)
        else:
            settings.pop(key, None)
        return
    inner = settings.get(key)
    section = inner if isinstance(inner, dict) else {}
    _put(section, below, text)
    if section:
        settings[key] = section
    else:
        settings.pop(key, None)


def _read(text: str) -> object:
    """A value as YAML would have it; what is neither a number nor true or false is a word."""
    if text in {"true", "false"}:
        return text == "true"
    try:
        return int(text) if text.lstrip("-").isdecimal() else _finite(float(text))
    except ValueError:
        return text


def _finite(number: float) -> float:
    if not isfinite(number):
        msg = "No database takes it."
        raise ValueError(msg)
    return number
