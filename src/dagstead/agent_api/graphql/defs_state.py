"""``latestDefsStateInfo`` and ``defsState { ... }``: which version of its state a component has."""

from __future__ import annotations

import re
from threading import Lock

from dagster._core.storage.defs_state.base import DEFS_STATE_INFO_CURSOR_KEY
from dagster._serdes import deserialize_value
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import OK, Namespace, Resolver
from dagstead.agent_api.serialization import pack

#: As `dagster.components` makes them since 1.13.
_OF_LOCATION = re.compile(r"dagster-app-managed-components\[(?P<location>.*?)\]/", re.DOTALL)


class DefsState:
    """Versions, kept where open-source Dagster keeps them: in the deployment's run storage.

    The state itself is an artifact; only its version is here.
    """

    def __init__(self) -> None:
        # All versions share one value of the storage, so writers of this server take turns.
        self._writing = Lock()

    def roots(self) -> dict[str, Namespace | Resolver]:
        """The root fields."""
        return {
            "latestDefsStateInfo": latest_defs_state_info,
            "defsState": Namespace(
                "DefsState", {"setLatestDefsStateVersion": self.set_latest_defs_state_version}
            ),
        }

    def set_latest_defs_state_version(
        self, context: AgentContext, *, key: str, version: str | None = None
    ) -> dict[str, bool]:
        """Set the latest version of a key; None removes the key."""
        location = _location_of(key)
        locations = () if location is None else (location,)
        storage = context.instance_for_locations(*locations).run_storage
        with self._writing:
            stored = latest_defs_state_info(context)
            info = None if stored is None else deserialize_value(stored, DefsStateInfo)
            if version is None:
                changed = DefsStateInfo.remove_key(info, key)
            else:
                changed = DefsStateInfo.add_version(info, key, version)
            storage.set_cursor_values({DEFS_STATE_INFO_CURSOR_KEY: pack(changed)})
        return OK


def latest_defs_state_info(context: AgentContext) -> str | None:
    """The latest versions by key; None if none was ever set."""
    keys = {DEFS_STATE_INFO_CURSOR_KEY}
    return context.instance.run_storage.get_cursor_values(keys).get(DEFS_STATE_INFO_CURSOR_KEY)


def _location_of(key: str) -> str | None:
    """The location that a key names, which keys of components made in the UI do; else None."""
    found = _OF_LOCATION.match(key)
    return None if found is None else found["location"]
