"""Which tests one worker of pytest-xdist runs, so that what they share is started once."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

#: How the identifiers of tests with a fleet of official agents begin.
FLEET_ID = "agents-"

#: The cells of one place of the fault bench share it.
_PLACE = re.compile(r"(?<=^tests/faults/).*(\[[^-\]]+)")

_FLEET = re.compile(rf"\[{FLEET_ID}[^-\]]+")


#: The tests of a folder below this one share what its ``conftest.py`` starts.
_SHARING = "tests/compat/"

#: How far the worker that begins at the end stands back: the others' servers have deadlines.
_NICENESS = 5


class BySharedServers(LoadScopeScheduling):
    """All tests of a fleet, a place or a sharing folder go to one worker, as do other files'.

    The last worker begins at the end, where the tests are that wait for nothing: they use the
    time in which the others' wait for agents.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if _is_last(node.workerinput):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        fleet, place = _FLEET.search(nodeid), _PLACE.search(nodeid)
        if fleet:
            return fleet[0]
        if place:
            return place[1]
        file = nodeid.partition("::")[0]
        folder, _, rest = file.removeprefix(_SHARING).partition("/")
        return folder if rest and file.startswith(_SHARING) else file


def stand_back(config: pytest.Config) -> None:
    """Lower the priority of this process if it is the worker that begins at the end."""
    if _is_last(getattr(config, "workerinput", {})):
        os.nice(_NICENESS)


def _is_last(workerinput: dict[str, Any]) -> bool:
    count = workerinput.get("workercount", 1)
    return bool(count > 1 and workerinput["workerid"] == f"gw{count - 1}")


def fleet_of(item: pytest.Item) -> str:
    """The fleet that a test uses; empty for none."""
    found = _FLEET.search(item.nodeid)
    return found[0] if found else ""
