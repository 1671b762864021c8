"""The way of containers to the control plane, which leads to nothing else of the machine."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from dagstead.serverless.docker.fence import ContainerFence
from dagstead.serverless.docker.network import is_of_this_machine
from dagstead.serverless.docker.relay import Relay
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.sandbox.loopback import port_of

logger = logging.getLogger("dagstead.serverless.docker")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """That of one pool."""

    choice: DockerChoice
    #: The control plane's address, as the pool reaches it.
    url: str

    def open(self) -> None:
        """Let containers reach the control plane, and nothing else of this machine.

        Raises:
            OSError: the address of the containers' network is none of this machine's.
        """
        if is_of_this_machine(self.url):
            host, port = urlsplit(self.url).hostname or "", port_of(self.url)
            Relay(host=self.choice.gateway, port=port, to_host=host, to_port=port).start()
        try:
            self._fence.close()
        except OSError as error:
            logger.warning(
                "Containers reach what listens on this machine's addresses: %s. Start the pool as "
                "root with nftables installed to change that.",
                error,
            )

    def close(self) -> None:
        """Take back what stays when this process ends; nothing runs there any more."""
        with suppress(OSError):
            self._fence.open()

    @property
    def _fence(self) -> ContainerFence:
        choice = self.choice
        return ContainerFence(pool=choice.pool, bridge=choice.bridge, port=port_of(choice.url))
