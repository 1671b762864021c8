"""A server in process, and a provider of CI."""

from __future__ import annotations

from tests.unit.server.conftest import client, github, no_policies, plane

__all__ = ["client", "github", "no_policies", "plane"]
