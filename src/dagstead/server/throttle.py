"""How often somebody may do something in a minute, by who it is."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.types import Scope

from dagstead.errors import BusyError
from dagstead.plane.clock import Clock

_MINUTE = 60.0
#: The most that are remembered; of more, those that were seen longest ago are forgotten.
_MOST_KEPT = 10_000
#: An address of version 6 is one of the 2⁶⁴ that its owner has.
_NETWORK_BITS = 64


class TooManyError(BusyError):
    """There were too many requests. Try again in a moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """A bucket for everybody: it holds a minute's allowance, and fills up evenly.

    The library ``limits`` does the same, and keeps every address in memory until its time is over.
    """

    clock: Clock
    #: A minute.
    most: int
    #: Of what, for the sentence.
    what: str
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, key: str) -> None:
        """Count one of somebody's.

        Raises:
            TooManyError: when there have been too many; this one is not counted then.
        """
        with self._lock:
            now = self.clock()
            left, at = self._buckets.pop(key, (float(self.most), now))
            left = min(float(self.most), left + max(0.0, now - at) * self.most / _MINUTE)
            is_allowed = left >= 1
            self._buckets[key] = (left - is_allowed, now)
            if len(self._buckets) > _MOST_KEPT:
                self._buckets.popitem(last=False)
        if not is_allowed:
            msg = (
                f"There were more than {self.most} {self.what} in a minute. Try again in a few "
                "seconds."
            )
            raise TooManyError(msg)


def client_of(scope: Scope) -> str:
    """The address of a client, as it is recorded."""
    return str((scope.get("client") or ("unknown",))[0])


def address_of(scope: Scope) -> str:
    """Where a request comes from: an address, or a network of version 6."""
    host = client_of(scope)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - the version's name
        return host
    return str(ipaddress.ip_network((host, _NETWORK_BITS), strict=False))
