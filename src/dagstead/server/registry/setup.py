"""The registry's door and what the CLI is told of it, from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from dagstead.engine.instances import Instances
from dagstead.operator_api.context import RegistryFacts
from dagstead.server.registry.credentials import credentials_of
from dagstead.server.registry.door import RegistryDoor
from dagstead.server.registry.upstream import Upstream, make_client
from dagstead.server.settings import Settings
from dagstead.server.throttle import Throttle

#: Passwords of one address in a minute that open nothing.
_MOST_FAILURES = 120


def registry_facts(settings: Settings) -> RegistryFacts | None:
    """What the CLI is told; ``None`` when there is no registry."""
    if settings.registry_url is None:
        return None
    return RegistryFacts(host=settings.image_host, pex_images=settings.registry_pex_images)


def registry_door(
    instances: Instances, settings: Settings, environment: Mapping[str, str]
) -> RegistryDoor:
    """The door, which says that there is no registry where there is none.

    Raises:
        ConfigurationError: what is set of its credentials does not fit together.
    """
    control = instances.control
    upstream = None
    if settings.registry_url is not None:
        upstream = Upstream(
            url=settings.registry_url,
            credentials=credentials_of(settings, environment),
            client=make_client(),
        )
    failures = Throttle(
        clock=control.clock, most=_MOST_FAILURES, what="registry logins that failed"
    )
    return RegistryDoor(
        control=control, seals=instances.store.seals, upstream=upstream, failures=failures
    )
