"""Making and fetching the images of locations, beside everything else that the agent does.

A large image, or a registry that does not answer, then holds up its own location only. Each
deployment has threads of its own, so that none waits for the images of another.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dagster_cloud.workspace.user_code_launcher.user_code_launcher import UserCodeLauncherEntry
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

    from dagstead.serverless.server_logs import LogSender

#: A deployment and a location.
Key = tuple[str, str]

_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    """What was begun for a location."""

    entry: UserCodeLauncherEntry
    prepared: Future[CodeLocationDeployData] = field(default_factory=Future)


class Preparation:
    """The locations whose images are made, fetched, or ready to be started."""

    def __init__(
        self,
        prepare: Callable[[str, str, CodeLocationDeployData], CodeLocationDeployData],
        logs: LogSender,
    ) -> None:
        """Take what prepares a location; it runs in threads that nobody waits for at the end.

        Args:
            prepare: called with a deployment, a location and what is deployed; returns the latter
                with its image.
            logs: those of the pool's code servers, which say that a location waits for its image.
        """
        self._prepare = prepare
        self._waits = _Waits(logs)
        self._begun: dict[Key, _Begun] = {}
        self._gates: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(_AT_ONCE)
        )

    def hold_back(
        self,
        desired: dict[Key, UserCodeLauncherEntry],
        actual: Mapping[Key, UserCodeLauncherEntry],
        seconds: float,
    ) -> set[Key]:
        """Begin with what is new, and take what is not ready out of what is desired.

        Args:
            desired: what is deployed. Locations that are not ready are taken out; where one
                runs already, what it runs is put in their place.
            actual: what runs.
            seconds: how long images may hold up what is ready.

        Returns:
            The locations that are held back.
        """
        moments = {key: entry.update_timestamp for key, entry in actual.items()}
        self._begin(
            {key: new for key, new in desired.items() if moments.get(key) != new.update_timestamp}
        )
        wait([each.prepared for each in self._begun.values()], timeout=seconds)
        unready = {key for key, each in self._begun.items() if not each.prepared.done()}
        self._waits.say({key: desired[key].code_location_deploy_data for key in unready})
        for key in unready:
            del desired[key]
            if key in actual:
                desired[key] = actual[key]
        return unready

    def _begin(self, wanted: Mapping[Key, UserCodeLauncherEntry]) -> None:
        self._begun = {
            key: begun for key, begun in self._begun.items() if wanted.get(key) == begun.entry
        }
        for key in wanted.keys() - self._begun.keys():
            begun = _Begun(entry=wanted[key])
            self._begun[key] = begun
            name = f"image of {key[1]}"
            threading.Thread(target=self._run, args=(key, begun), name=name, daemon=True).start()

    def _run(self, key: Key, begun: _Begun) -> None:
        deployment, location = key
        with self._gates[deployment]:
            if self._begun.get(key) is not begun:
                begun.prepared.cancel()
                return
            try:
                data = begun.entry.code_location_deploy_data
                begun.prepared.set_result(self._prepare(deployment, location, data))
            except Exception as error:  # noqa: BLE001 - whoever takes it gets it
                begun.prepared.set_exception(error)

    def take(self, key: Key) -> CodeLocationDeployData:
        """What is deployed, with its image; the location is not known here any more.

        Raises:
            Exception: what preparing it has raised.
        """
        return self._begun.pop(key).prepared.result()


class _Waits:
    """Says in the logs of locations that they wait for their images."""

    def __init__(self, logs: LogSender) -> None:
        self._logs = logs
        self._said: dict[Key, str] = {}

    def say(self, unready: Mapping[Key, CodeLocationDeployData]) -> None:
        """Begin a log for those that wait now, and end those of the others."""
        for key in self._said.keys() - unready.keys():
            self._logs.end(self._said.pop(key))
        for key in unready.keys() - self._said.keys():
            self._said[key] = name = f"image-{uuid4().hex}"
            self._logs.begin(*key, name)
            self._logs.add(name, _words(unready[key]))


def _words(data: CodeLocationDeployData) -> str:
    if data.pex_metadata:
        return "The managed pool makes an image of its PEX files; its code server starts after it."
    return f"The managed pool fetches {data.image}; its code server starts once it is there."
