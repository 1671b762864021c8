"""Which tests one worker of pytest-xdist runs, so that what they share is started once."""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

#: How the identifiers of tests with a fleet of official agents begin.
FLEET_ID = "agents-"

#: The cells of one place of the fault bench share it.
_PLACE = re.compile(r"(?<=^tests/faults/).*(\[[^-\]]+)")

_FLEET = re.compile(rf"\[{FLEET_ID}[^-\]]+")


#: The tests of a folder below this one share what its ``conftest.py`` starts.
_SHARING = "tests/compat/"


class BySharedServers(LoadScopeScheduling):
    """All tests of a fleet, a place or a sharing folder go to one worker, as do other files'."""

    def _split_scope(self, nodeid: str) -> str:
        fleet, place = _FLEET.search(nodeid), _PLACE.search(nodeid)
        if fleet:
            return fleet[0]
        if place:
            return place[1]
        file = nodeid.partition("::")[0]
        folder, _, rest = file.removeprefix(_SHARING).partition("/")
        return folder if rest and file.startswith(_SHARING) else file


def fleet_of(item: pytest.Item) -> str:
    """The fleet that a test uses; empty for none."""
    found = _FLEET.search(item.nodeid)
    return found[0] if found else ""
