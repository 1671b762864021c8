"""Which tests one worker of pytest-xdist runs, so that what they share is started once."""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

#: How the identifiers of tests with a fleet of official agents begin.
FLEET_ID = "agents-"

_FLEET = re.compile(rf"\[{FLEET_ID}[^-\]]+")


class BySharedServers(LoadScopeScheduling):
    """All tests of a fleet go to one worker, and so do those of any other file."""

    def _split_scope(self, nodeid: str) -> str:
        fleet = _FLEET.search(nodeid)
        return fleet[0] if fleet else nodeid.partition("::")[0]


def fleet_of(item: pytest.Item) -> str:
    """The fleet that a test uses; empty for none."""
    found = _FLEET.search(item.nodeid)
    return found[0] if found else ""
