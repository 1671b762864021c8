"""The settings that a control plane runs by, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection

_LIST = "{ result: serverSettings { name value source purpose } }"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A view of them. It raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[Mapping[str, Any]]:
        """One row for each: ``name``, ``value``, ``source`` and ``purpose``."""
        return list(self.connection.graphql(_LIST)["result"])
