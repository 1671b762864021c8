"""What agents of each platform read, as data that is made from the official classes.

``tests/compat/test_container_contexts.py`` compares it with them, and writes it anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

#: A type: the name of a scalar, or a mapping that says what it is a list or a mapping of.
Type: TypeAlias = Any

FILE = "container_schema.json"


@dataclass(frozen=True, slots=True)
class Model:
    """An object of Kubernetes: its fields in snake_case, which may be written in camelCase, too."""

    name: str
    types: Mapping[str, Type]
    #: The other spelling of fields.
    camel: Mapping[str, str]
    required: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Its name as Kubernetes' documentation has it."""
        return re.sub(r"^\w*?V\d+", "", self.name)


@dataclass(frozen=True, slots=True)
class Schema:
    """What is read of ``container_context``."""

    #: Of the mapping itself: what every platform reads.
    shared: Type
    #: Of the mapping of each platform.
    platforms: Mapping[str, Type]
    models: Mapping[str, Model]


@cache
def container_schema() -> Schema:
    """The schema of the newest agents."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return read_schema(json.loads(text))


def read_schema(data: Mapping[str, Any]) -> Schema:
    """The schema from its data."""
    return Schema(
        shared=data["shared"],
        platforms=data["platforms"],
        models={name: _model(name, each) for name, each in data["models"].items()},
    )


def _model(name: str, data: Mapping[str, Any]) -> Model:
    fields: Mapping[str, Any] = data.get("fields", {})
    return Model(
        name=name,
        types={snake: written[0] for snake, written in fields.items()},
        camel={snake: written[1] for snake, written in fields.items() if len(written) > 1},
        required=tuple(data.get("required", ())),
    )
