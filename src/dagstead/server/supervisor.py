"""``dagstead up``: the web server, the daemons and the managed pool as children of one process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import ConfigurationError, DagsteadError
from dagstead.plane.given_secrets import PREFIX, given_secrets
from dagstead.server.first_start import (
    first_deployment,
    first_link,
    make_first_deployment,
    new_pool_secret,
    revoke_pool_tokens,
)
from dagstead.server.folder_lock import locked_folder
from dagstead.server.keeper import Keeper
from dagstead.server.listen_address import check_address
from dagstead.server.master_key import MASTER_KEY_VARIABLE
from dagstead.server.pool import POOL_TOKEN_VARIABLE, walls_of_pool, walls_variable
from dagstead.server.registry.credentials import PASSWORD_VARIABLE
from dagstead.server.services import control_of, make_data_folder, opened_store
from dagstead.server.settings import ENVIRONMENT_PREFIX, Settings
from dagstead.server.settings_sources import LoadedSettings, Source
from dagstead.server.trail_sinks import WEBHOOK_TOKEN_VARIABLE, destinations_of
from dagstead.serverless.sandbox.walls import Walls
from dagstead.serverless.shutdown import STOPPED, EndingRun, end_what_is_left

logger = logging.getLogger(__name__)

#: Importing Dagster takes seconds, on a small or busy machine many.
_READY_SECONDS = 180.0
_LOOK_SECONDS = 0.25
#: How long the daemons may give no sign of life.
_FROZEN_SECONDS = 8.0
_POOL = "pool"
#: The exit code of a mistake in the settings: starting again cannot help.
_MISTAKE = 2


class NotReadyError(DagsteadError):
    """The web server did not become ready. Its log is above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartReport:
    """What ``dagstead up`` prints once everything is up."""

    url: str
    organization: str
    #: The full deployment to begin with.
    deployment: str
    #: Where the first person signs in, once and within an hour; ``None`` if there was one before.
    sign_in: str | None
    pool: bool
    #: The walls around user code of the pool, in a line.
    walls: str | None = None


def run_up(loaded: LoadedSettings, announce: Callable[[StartReport], None]) -> None:
    """Run everything until SIGTERM or SIGINT.

    Args:
        loaded: settings in force.
        announce: called once, when the server answers.

    Raises:
        ConflictError: when another one runs on the same data folder.
        ConfigurationError: when the settings cannot be used.
        NotReadyError: when the web server does not come up.
    """
    settings = loaded.settings
    given_secrets(os.environ)
    make_data_folder(settings.data)
    destinations_of(settings, os.environ)
    with (
        locked_folder(settings.data),
        opened_store(settings) as store,
        control_of(settings, store) as control,
    ):
        check_address(settings)
        walled = settings.pool and settings.pool_backend == "process"
        walls = walls_of_pool(settings, os.environ) if walled else None
        control.secrets.require_key(SYSTEM)
        make_first_deployment(control)
        secret = (
            new_pool_secret(control, settings.organization, settings.pool_serves)
            if settings.pool
            else None
        )
        try:
            asyncio.run(_Supervisor(loaded, control, secret, walls, announce).run())
        finally:
            revoke_pool_tokens(control)


@dataclass(slots=True)
class _Supervisor:
    loaded: LoadedSettings
    control: Control
    pool_secret: str | None
    walls: Walls | None
    announce: Callable[[StartReport], None]
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        web = self._keeper("web")
        # Nobody else would take over from it.
        daemon = self._keeper("daemon", silent_seconds=_FROZEN_SECONDS)
        keepers = [web, daemon]
        if self.pool_secret:
            walls = walls_variable(self.walls) if self.walls else {}
            given = {POOL_TOKEN_VARIABLE: self.pool_secret, **walls}
            # First in the list of what stops: its run workers still report to the web server.
            keepers.append(self._keeper(_POOL, given))
        self._stop_on_signals(keepers)
        try:
            web.start()
            if await self._is_ready(web):
                for keeper in keepers[1:]:
                    keeper.start()
                self._report_start()
                await self._stop.wait()
        finally:
            logger.info("Stopping")
            for keeper in reversed(keepers):
                await keeper.stop()
                if keeper.name == _POOL:
                    # While the web server is there: run workers report their end to it.
                    await asyncio.to_thread(self._end_what_is_left)
            logger.info("Stopped")

    def _end_what_is_left(self) -> None:
        home = self.loaded.settings.data / _POOL
        end_what_is_left(home, self._report_stop)
        with suppress(ImportError):
            # An extra: who has removed it runs no code in containers any more.
            from dagstead.serverless.docker.left_over import end_containers  # noqa: PLC0415

            end_containers(home, self._report_stop)

    def _report_stop(self, worker: EndingRun) -> None:
        deployment = self.control.deployments.named(SYSTEM, worker.deployment)
        self.control.launches.note(SYSTEM, deployment, worker.run_id, STOPPED)

    def _keeper(
        self,
        part: str,
        extra: Mapping[str, str] | None = None,
        *,
        silent_seconds: float | None = None,
    ) -> Keeper:
        return Keeper(
            name=part,
            # -P: a file in the folder where this was started must not pass for a library.
            arguments=(sys.executable, "-P", "-m", "dagstead", part),
            environment={
                **_environment_of(part),
                **settings_environment(self.loaded),
                **(extra or {}),
            },
            stop_seconds=self.loaded.settings.stop_seconds + 5,
            silent_seconds=silent_seconds,
        )

    def _stop_on_signals(self, keepers: list[Keeper]) -> None:
        def stop() -> None:
            if self._stop.is_set():
                logger.warning("Asked to stop again: killing everything")
                for keeper in keepers:
                    keeper.kill()
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:
                # Started by nohup, or in the background of a shell that wants it so.
                continue
            asyncio.get_running_loop().add_signal_handler(number, stop)

    async def _is_ready(self, web: Keeper) -> bool:
        """Wait for the web server; False when asked to stop before it came up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        while not self._stop.is_set():
            if web.last_exit == _MISTAKE:
                msg = "The web server refused its settings; the reason is above."
                raise ConfigurationError(msg)
            if await asyncio.to_thread(answers, self.loaded.settings):
                return True
            if loop.time() > deadline:
                msg = f"The web server did not answer in {_READY_SECONDS:.0f} seconds."
                raise NotReadyError(msg)
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _report_start(self) -> None:
        settings = self.loaded.settings
        link = first_link(self.control)
        self.announce(
            StartReport(
                url=settings.base_url,
                organization=settings.organization,
                deployment=first_deployment(self.control),
                sign_in=None if link is None else link.address(settings.base_url),
                pool=self.pool_secret is not None,
                walls=self.walls.line if self.walls else None,
            )
        )


def _environment_of(part: str) -> dict[str, str]:
    """Secrets are handed out by the web server: no other part needs them, or their master key.

    The trail is sent by the daemons, which also remove old images.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if (part == "web" or not (name.startswith(PREFIX) or name == MASTER_KEY_VARIABLE))
        and (part == "daemon" or name != WEBHOOK_TOKEN_VARIABLE)
        and (part != _POOL or name != PASSWORD_VARIABLE)
    }


def answers(settings: Settings) -> bool:
    """Whether the web server of these settings is up."""
    # Not urllib.request: that would ask a proxy for this machine's own address.
    connection = HTTPConnection(urlsplit(settings.local_url).netloc, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def settings_environment(loaded: LoadedSettings) -> dict[str, str]:
    """The settings in force as environment variables, for a child: they may hold a password."""
    values = loaded.settings.model_dump(mode="json")
    given = {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": str(values[name])
        for name, source in loaded.sources.items()
        if source is not Source.DEFAULT and values[name] is not None
    }
    if loaded.file:
        given["DAGSTEAD_CONFIG"] = str(loaded.file.absolute())
    # Of the folder there is one more source: where this process was started.
    return {**given, f"{ENVIRONMENT_PREFIX}DATA": str(loaded.settings.data)}
