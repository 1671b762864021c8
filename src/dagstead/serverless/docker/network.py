"""The network of a pool's containers, and their way to the control plane."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.errors import ConfigurationError
from dagstead.serverless.docker import labels
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.sandbox.loopback import port_of

if TYPE_CHECKING:
    from dagstead.serverless.home import PoolHome

logger = logging.getLogger("dagstead.serverless.docker")

#: The longest name of a network interface has 15 letters.
_BRIDGE = "dgst-{pool:.10}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedDocker:
    """What the settings say of Docker."""

    base_image: str
    #: How the names of images begin that the control plane's own registry has.
    registry_host: str
    #: The control plane's address for containers; ``None`` where it is the pool's own, or where
    #: the pool forwards it, as only this machine can reach it.
    url: str | None = None


def settled(home: PoolHome, wanted: WantedDocker, url: str) -> DockerChoice:
    """Make the pool's network where it is not there yet.

    Args:
        home: the pool's folder, which is there.
        wanted: what the settings say.
        url: the control plane's address, as the pool reaches it.

    Raises:
        ConfigurationError: Docker does not answer, or refuses.
    """
    pool = _name_of(home)
    name = f"dagstead-{pool}"
    try:
        network = _network(name, pool)
    except docker.errors.DockerException as error:
        msg = (
            f"The managed pool is to run its code in containers (setting pool_backend), and Docker "
            f"does not answer as it should: {error}. Start the daemon, or set DOCKER_HOST to its "
            "address, and let this user use it."
        )
        raise ConfigurationError(msg) from error
    gateway = str(network["IPAM"]["Config"][0]["Gateway"])
    return DockerChoice(
        pool=pool,
        network=name,
        gateway=gateway,
        bridge=_BRIDGE.format(pool=pool),
        url=wanted.url or (_moved(url, gateway) if is_of_this_machine(url) else url),
        base_image=wanted.base_image,
        registry_host=wanted.registry_host,
    )


def is_of_this_machine(url: str) -> bool:
    """Whether an address leads to the loopback of whoever uses it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _moved(url: str, host: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{host}:{port_of(url)}"))


def _network(name: str, pool: str) -> dict[str, Any]:
    client = docker_client_from_env().api
    try:
        found: dict[str, Any] = client.inspect_network(name)
    except docker.errors.NotFound:
        client.create_network(
            name,
            driver="bridge",
            labels={labels.POOL: pool},
            options={
                "com.docker.network.bridge.name": _BRIDGE.format(pool=pool),
                # Locations do not reach each other's code servers.
                "com.docker.network.bridge.enable_icc": "false",
            },
        )
        found = client.inspect_network(name)
    return found


def _name_of(home: PoolHome) -> str:
    file = home.docker_name
    if not file.exists():
        file.write_text(uuid.uuid4().hex[:12], encoding="ascii")
    return file.read_text(encoding="ascii")
