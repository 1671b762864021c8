"""The whole server in process, and a caller."""

from __future__ import annotations

from tests.unit.server.conftest import client, plane

__all__ = ["client", "plane"]
