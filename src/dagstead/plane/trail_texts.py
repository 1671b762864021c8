"""States of objects as the trail may have them: without what might be a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "***"

_SECRET_NAME = re.compile(
    r"(?i)passw|secret|token|api_?key|private_?key|credential|authorization|webhook"
)
_SECRET_TEXT = re.compile(r"(\w+://[^:/\s@]*:)[^@\s/]+@|\b((?:agent|user|pool|worker):[^:\s]*:)\S+")


def without_secrets(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, with ``***`` for values whose names or forms are those of secrets."""
    return {
        name: HIDDEN if value and _SECRET_NAME.search(name) else _without(value)
        for name, value in state.items()
    }


def _without(value: Any) -> Any:
    match value:
        case str():
            return _SECRET_TEXT.sub(_hidden, value)
        case Mapping():
            return without_secrets(value)
        case list():
            return [_without(each) for each in value]
        case _:
            return value


def _hidden(found: re.Match[str]) -> str:
    return f"{found[1]}{HIDDEN}@" if found[1] else f"{found[2]}{HIDDEN}"
