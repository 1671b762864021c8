"""Values of secrets in what code has written, such as the errors that it ends with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from dagstead.plane.token_texts import PATTERN

#: What stands in the place of a value.
MASK = "***"

#: Shorter values are words that any text may have.
_SHORTEST = 6
#: A token of ours, which code of a managed pool finds in its environment.
_TOKEN = re.compile(PATTERN)
#: What names the kind of an object in text that Dagster has serialized.
_KIND = "__class__"


def mask_serialized(serialized: str, values: Iterable[str]) -> str:
    """Serialized text of Dagster's, with a mask for every value and token; its form stays.

    Args:
        serialized: JSON. What is not JSON is masked as it is.
        values: of secrets; a value of several lines also hides its lines.
    """
    forms = _forms(values)
    try:
        found = json.loads(serialized)
    except ValueError:
        return _mask(serialized, forms)
    masked = _masked(found, forms)
    return serialized if masked == found else json.dumps(masked)


def _masked(value: Any, forms: list[str]) -> Any:
    match value:
        case str():
            return _mask(value, forms)
        case list():
            return [_masked(each, forms) for each in value]
        case dict():
            return {
                key: each if key == _KIND else _masked(each, forms) for key, each in value.items()
            }
        case _:
            return value


def _mask(text: str, forms: list[str]) -> str:
    for form in forms:
        text = text.replace(form, MASK)
    return _TOKEN.sub(MASK, text)


def _forms(values: Iterable[str]) -> list[str]:
    """The values as tracebacks show them, the longest first."""
    texts = {part for value in values for part in (value, *value.splitlines())}
    shown = {
        form
        for text in texts
        for form in (text, repr(text)[1:-1], json.dumps(text)[1:-1])
        if len(text.strip()) >= _SHORTEST
    }
    return sorted(shown, key=len, reverse=True)
