"""Connections to places that alerts are sent to: whoever may write a policy names them.

Such a place must not be an inner one, unless the operator names its network: this server reaches
what whoever writes policies may not reach. Its name is resolved once, all its addresses are
checked, and the connection goes to an address that was checked: a name cannot change in between.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore

from dagstead.errors import DagsteadError
from dagstead.server.networks import Networks, is_public


class PlaceRefusedError(DagsteadError):
    """The place is not one that alerts may be sent to, or did not take what was sent."""


@dataclass(frozen=True, slots=True)
class CheckedBackend(httpcore.NetworkBackend):
    """Connects to public addresses, and to those of networks that are named, until a deadline."""

    networks: Networks
    #: Of the monotonic clock: each read and write alone could be slow for ever.
    deadline: float

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """See the base class."""
        address = self._checked(host, port)
        try:
            stream = httpcore.SyncBackend().connect_tcp(
                address, port, _left(self.deadline, timeout), local_address, socket_options
            )
        except httpcore.ConnectError as error:
            msg = f"Nobody answers at {host}: {error}."
            raise PlaceRefusedError(msg) from error
        return _TimedStream(stream, self.deadline)

    def _checked(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            msg = f"The name {host} cannot be resolved."
            raise PlaceRefusedError(msg) from error
        addresses = [str(each[4][0]).partition("%")[0] for each in found]
        for address in addresses:
            if not is_public(address) and not self.networks.have(address):
                msg = (
                    f"{host} is {address}, an inner address. Name its network in the setting "
                    "alerts_networks if alerts may be sent there."
                )
                raise PlaceRefusedError(msg)
        if not addresses:
            msg = f"The name {host} has no address."
            raise PlaceRefusedError(msg)
        return addresses[0]


@dataclass(frozen=True, slots=True)
class _TimedStream(httpcore.NetworkStream):
    """A connection that ends at a time, however often something comes."""

    stream: httpcore.NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See the base class."""
        return self.stream.read(max_bytes, _left(self.deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See the base class."""
        self.stream.write(buffer, _left(self.deadline, timeout))

    def close(self) -> None:
        """See the base class."""
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """See the base class."""
        left = _left(self.deadline, timeout)
        return _TimedStream(
            self.stream.start_tls(ssl_context, server_hostname, left), self.deadline
        )

    def get_extra_info(self, info: str) -> Any:
        """See the base class."""
        return self.stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        msg = "It took too long"
        raise httpcore.ReadTimeout(msg)
    return left if timeout is None else min(left, timeout)
