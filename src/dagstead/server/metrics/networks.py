"""The networks from which metrics may be read without a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from starlette.datastructures import Headers
from starlette.types import Scope

from dagstead.server.metrics.paths import METRICS_PATH
from dagstead.server.networks import Networks

#: Whoever sends one of these is a proxy. Its address is not that of the caller.
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class OpenNetworks:
    """Networks, none of them unless somebody has set them."""

    networks: Networks

    @classmethod
    def of(cls, setting: str) -> Self:
        """As they are set, separated by commas."""
        return cls(Networks.of(setting))

    def let_in(self, scope: Scope) -> bool:
        """Whether a request may read metrics without a token.

        A caller behind a proxy has the proxy's address, unless that is one that the server trusts:
        then it has a port of zero, and its own address.
        """
        if not self.networks or scope["type"] != "http" or scope["path"] != METRICS_PATH:
            return False
        host, port = scope.get("client") or ("", None)
        headers = Headers(scope=scope)
        if port != 0 and any(name in headers for name in _OF_PROXIES):
            return False
        return self.networks.have(host)
