"""The whole server in process, and a caller."""

from __future__ import annotations

from tests.unit.server.conftest import client, github, no_policies, plane

__all__ = ["client", "github", "no_policies", "plane"]
