"""Networks as settings name them, and what is on them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Gateways make of these IPv6 addresses the IPv4 address in their last bits (RFC 6052).
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LAST_BITS: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks, none of them unless somebody has set them."""

    networks: Sequence[_Network]

    @classmethod
    def of(cls, setting: str) -> Self:
        """As they are set, separated by commas.

        Raises:
            ValueError: when one is not a network.
        """
        named = filter(None, map(str.strip, setting.split(",")))
        return cls([ipaddress.ip_network(network) for network in named])

    def __bool__(self) -> bool:
        return bool(self.networks)

    def have(self, host: str) -> bool:
        """Whether an address is on one of them; what is not an address is on none."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        inner = _inner(address)
        return any(each in network for each in (address, inner) for network in self.networks)


def is_public(host: str) -> bool:
    """Whether an address is one of the internet, and not of some inner network or this machine."""
    inner = _inner(ipaddress.ip_address(host))
    return inner.is_global and not inner.is_multicast


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & _LAST_BITS)
    return address.ipv4_mapped or address.sixtofour or address
