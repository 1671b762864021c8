"""``dagstead web``: the web server as a process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from dagstead.control.actor import SYSTEM
from dagstead.plane.given_secrets import GivenSecret, given_secrets
from dagstead.server.app import create_app
from dagstead.server.connections import (
    ConnectionLimits,
    allow_files,
    bounded_protocol,
    connections_within,
)
from dagstead.server.large_memory import use_memory_sparingly
from dagstead.server.listen_address import check_address, warning_without_tls
from dagstead.server.listening import ListeningThread
from dagstead.server.services import open_instances, opened_store
from dagstead.server.settings import Settings
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import LoadedSettings
from dagstead.server.shutdown import stop_on_signals

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES = 262_144
#: A fifth of Python's own: while threads read large documents, the event loop waits this long for
#: its turn at every step, and a request has many.
_SWITCH_SECONDS = 0.001


def run_web(loaded: LoadedSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way may end first.

    Raises:
        ConfigurationError: when the server cannot listen on its address, a secret of the
            environment could mean two things, or the master key is missing.
    """
    settings = loaded.settings
    check_address(settings)
    log_given_secrets(given_secrets(os.environ))
    with opened_store(settings) as store:
        instances = open_instances(settings, store)
        try:
            control = instances.control
            control.writes.interrupt_all(SYSTEM)
            control.secrets.require_key(SYSTEM)
            use_memory_sparingly()
            sys.setswitchinterval(_SWITCH_SECONDS)
            closing = threading.Event()
            app = create_app(settings, instances, report=report(loaded), is_closing=closing.is_set)
            # uvicorn raises the signal that ended it once more: it must find a handler, or the
            # process would end without closing anything.
            stop_on_signals()
            logger.info("Listening on %s", settings.local_url)
            warning = warning_without_tls(settings)
            if warning:
                logger.warning(warning)
            with ListeningThread(control):
                _Server(server_config(settings, app), closing).run()
        finally:
            instances.close()


class _Server(uvicorn.Server):
    """Says when it begins to end: streams to open pages would keep it from that."""

    def __init__(self, config: uvicorn.Config, closing: threading.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, asked by a signal."""
        self._closing.set()
        super().handle_exit(sig, frame)


def log_given_secrets(secrets: Sequence[GivenSecret]) -> None:
    """Log which secrets the environment gives to the code of full deployments, by names only."""
    if secrets:
        names = ", ".join(secret.name for secret in secrets)
        logger.info("Secrets of the environment, for full deployments only: %s", names)


def server_config(settings: Settings, app: Starlette) -> uvicorn.Config:
    """How the application is served."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=bounded_protocol(
            ConnectionLimits(most=connections_within(settings.max_connections, allow_files()))
        ),
        # Ours: without queries, tokens and signatures.
        access_log=False,
        log_config=None,
        server_header=False,
        # Messages on websockets are read in the event loop. They are subscriptions of the UI, the
        # longest of which has 6 KB.
        ws_max_size=_MAX_MESSAGE_BYTES,
        # Polls of agents come every half second: a connection of theirs must outlive the pause.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
