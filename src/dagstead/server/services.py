"""What every process opens: the store, what acts on it, and the instances of the deployments."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.control.all import Control, control_over
from dagstead.control.orchestration import Orchestration
from dagstead.errors import ConfigurationError
from dagstead.plane.leases import Fence
from dagstead.server.master_key import key_source
from dagstead.server.private_files import close_to_others
from dagstead.server.registry.removal import registry_of
from dagstead.server.settings import Settings
from dagstead.server.tracing.setup import tracer_of
from dagstead.serverless.home import PoolHome
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database, sqlite_file
from dagstead.store.leadership import CANDIDATES_PATIENCE, Leadership

if TYPE_CHECKING:
    from dagstead.engine.instances import Instances

logger = logging.getLogger(__name__)


@contextmanager
def opened_store(settings: Settings, *, fence: Fence | None = None) -> Iterator[Store]:
    """The store, with its schema up to date, closed at the end.

    Args:
        settings: in force.
        fence: of the leader. Whatever it writes is refused once another process leads.

    Raises:
        ConfigurationError: when the data folder or the database cannot be used.
    """
    make_data_folder(settings.data)
    store = open_store(
        database_url=settings.database_url,
        blobs_folder=settings.data / "blobs",
        clock=time.time,
        fence=fence,
        keys=key_source(settings, os.environ),
    )
    try:
        yield store
    finally:
        store.close()


@contextmanager
def opened_leadership(settings: Settings) -> Iterator[Leadership]:
    """A candidate for running the daemons, with a connection of its own.

    Raises:
        ConfigurationError: when the data folder or the database cannot be used.
    """
    make_data_folder(settings.data)
    database = Database(settings.database_url, pool_size=1, patience=CANDIDATES_PATIENCE)
    leadership = Leadership(database, time.time, settings.data / "daemon.lock")
    try:
        database.migrate()
        yield leadership
    finally:
        leadership.close()
        database.close()


@contextmanager
def existing_store(settings: Settings) -> Iterator[Store]:
    """The store of a control plane that was started before, for commands that administer it.

    Raises:
        ConfigurationError: when there is none: a command in a wrong folder must not make another
            control plane there, and then a token that nobody accepts.
    """
    file = sqlite_file(settings.database_url)
    if file is not None and not file.exists():
        msg = (
            f"There is no control plane in {str(file.parent)!r}. Name its folder with --data or "
            "DAGSTEAD_DATA, its address with --url or DAGSTER_CLOUD_URL, or start a new one with "
            "`dagstead up`."
        )
        raise ConfigurationError(msg)
    with opened_store(settings) as store:
        yield store


@contextmanager
def control_of(settings: Settings, store: Store) -> Iterator[Control]:
    """What the control plane does, for a process that mostly works without Dagster."""
    opened: list[Orchestration] = []
    with ExitStack() as stack:

        def orchestration() -> Orchestration:
            if not opened:
                instances = open_instances(settings, store)
                stack.callback(instances.close)
                opened.append(instances.orchestration)
            return opened[0]

        yield control_over(store, store.bell, orchestration, registry=registry_of(settings))


@contextmanager
def existing_control(settings: Settings) -> Iterator[Control]:
    """The acts of an existing control plane, for commands that administer it.

    Raises:
        ConfigurationError: see :func:`existing_store`.
    """
    with existing_store(settings) as store, control_of(settings, store) as control:
        yield control


def open_instances(settings: Settings, store: Store) -> Instances:
    """The instances of all deployments; imports Dagster, which takes seconds."""
    from dagstead.engine.instances import Instances  # noqa: PLC0415 - slow

    return Instances(
        store=store,
        folder=settings.data / "deployments",
        postgres_url=settings.postgres_url,
        pool_folder=PoolHome(root=settings.data / "pool").deployments,
        tracer=tracer_of(os.environ, "dagstead"),
        registry=registry_of(settings),
    )


def make_data_folder(folder: Path) -> None:
    """Make the data folder, readable by its owner only: it holds event logs and uploaded code.

    An existing folder that this user owns is closed to others.

    Raises:
        ConfigurationError: when it cannot be created or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"The data folder {str(folder)!r} cannot be created: {error.strerror}. "
            "Choose another one with --data."
        )
        raise ConfigurationError(msg) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = (
            f"The data folder {str(folder)!r} cannot be written to by this user. "
            "Correct its owner, or choose another one with --data."
        )
        raise ConfigurationError(msg)
    try:
        close_to_others(folder, user=os.geteuid())
    except OSError as error:
        # Some file systems have no modes.
        logger.warning("The data folder %s stays open to others: %s", folder, error.strerror)
