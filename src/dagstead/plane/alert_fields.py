"""The fields of documents of alert policies: each is read with what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.plane.alert_targets import AutomationKind, TargetForm

_MOST_TEXT = 4000


def require_known(given: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse fields that mean nothing: a misspelt one would silently be left out.

    Raises:
        InvalidInputError: with the name that was probably meant.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidInputError(
                f"{str(name)!r} of {where} is not a field.{meant} Fields are: "
                f"{', '.join(sorted(known))}."
            )


def text(
    given: Mapping[str, Any],
    name: str,
    where: str,
    *,
    default: str | None = None,
    most: int = _MOST_TEXT,
) -> str:
    """A text.

    Raises:
        InvalidInputError: when it is something else, too long, or missing without a default.
    """
    value = given.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not (value.strip() or default is not None):
        raise InvalidInputError(f"The {name} of {where} has to be a text.")
    if len(value) > most:
        raise InvalidInputError(
            f"The {name} of {where} has {len(value)} characters, and at most {most} are taken."
        )
    return value


def mapping(given: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A mapping.

    Raises:
        InvalidInputError: when it is something else, or missing.
    """
    value = given.get(name)
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"The {name} of {where} has to be a mapping.")
    return value


def flag(given: Mapping[str, Any], name: str, where: str, *, default: bool) -> bool:
    """True or false.

    Raises:
        InvalidInputError: when it is something else.
    """
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} of {where} has to be true or false.")
    return value


def number(
    given: Mapping[str, Any], name: str, where: str, least: float, most: float
) -> float | None:
    """A number, or ``None`` if it was left out.

    Raises:
        InvalidInputError: when it is something else.
    """
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInputError(
            f"{name} of {where} has to be a number from {least:g} to {most:g}, and is {value!r}."
        )
    return float(value)


def texts(given: Mapping[str, Any], name: str, where: str) -> list[str]:
    """A list of texts; empty if it was left out.

    Raises:
        InvalidInputError: when it is something else.
    """
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise InvalidInputError(f"The {name} of {where} have to be a list of texts.")
    return list(value)


def tags(given: object, where: str) -> dict[str, str]:
    """Tags of runs, as a list of ``key`` and ``value`` or as a mapping: both are documented.

    Raises:
        InvalidInputError: when they are something else.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        pairs = dict(given)
    elif isinstance(given, list) and all(
        isinstance(each, Mapping) and set(each) == {"key", "value"} for each in given
    ):
        pairs = {each["key"]: each["value"] for each in given}
    else:
        raise InvalidInputError(f"The tags of {where} have to be a list of key and value.")
    if not all(isinstance(part, str) for pair in pairs.items() for part in pair):
        raise InvalidInputError(f"The tags of {where} have to be texts: put them into quotes.")
    return pairs


def checked_target(given: object, form: TargetForm, where: str) -> dict[str, Any]:
    """The values of a target.

    Raises:
        InvalidInputError: with what is wrong with them.
    """
    values = {} if given is None else given
    if not isinstance(values, Mapping):
        raise InvalidInputError(f"The {where} has to be a mapping.")
    require_known(values, form.fields, where)
    for name, is_needed in form.fields.items():
        if is_needed and values.get(name) is None:
            raise InvalidInputError(f"The {where} needs {name}.")
    found = {name: _READERS[name](values, name, where) for name in form.fields}
    return {name: value for name, value in found.items() if value is not None}


def _things(given: Mapping[str, Any], name: str, where: str) -> list[dict[str, str]] | None:
    value = given.get(name)
    if value is None:
        return None
    own = "job_name" if name == "jobs" else "name"
    known = {own, "location_name", "code_location_name", "repo_name", "repository_name"}
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise InvalidInputError(f"The {name} of {where} have to be a list of mappings.")
    for each in value:
        require_known(each, known, f"{name} of {where}")
        text(each, own, f"{name} of {where}")
        for part in known - {own}:
            text(each, part, f"{name} of {where}", default="")
    return [dict(each) for each in value]


def _tag_list(given: Mapping[str, Any], name: str, where: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags(given.get(name), where).items()]


def _kinds(given: Mapping[str, Any], name: str, where: str) -> list[str]:
    found = texts(given, name, where)
    for each in found:
        if each not in list(AutomationKind):
            raise InvalidInputError(f"The {name} of {where} are SCHEDULE and SENSOR.")
    return found


def _key(given: Mapping[str, Any], name: str, where: str) -> list[str] | None:
    found = texts(given, name, where)
    if not found and name in given:
        raise InvalidInputError(f"The {name} of {where} has to be a list of its parts.")
    return found or None


def _optional(given: Mapping[str, Any], name: str, where: str) -> str | None:
    return None if given.get(name) is None else text(given, name, where)


def _seconds(given: Mapping[str, Any], name: str, where: str) -> float | None:
    return number(given, name, where, 0, 60.0 * 60 * 24 * 366)


def _switch(given: Mapping[str, Any], name: str, where: str) -> bool:
    return flag(given, name, where, default=False)


_READERS: Mapping[str, Any] = {
    "jobs": _things,
    "schedules_or_sensors": _things,
    "tags": _tag_list,
    "location_names": texts,
    "code_location_names": texts,
    "queues": texts,
    "types": _kinds,
    "asset_key": _key,
    "asset_group": _optional,
    "location_name": _optional,
    "repo_name": _optional,
    "threshold_seconds": _seconds,
    "default_queue": _switch,
}
