"""Keeping user code from other programs that listen on this machine's own addresses.

Needs users of the pool's own, and nftables. What user code opens itself it can reach, as many
libraries talk to processes of their own by the loopback; so it does not matter where somebody
listens, but who does. The rules note who asks for a connection, and let an answer pass only when it
comes from the same user, the control plane, or a resolver of names.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from dagstead.serverless.sandbox.nftables import carry_out
from dagstead.serverless.sandbox.table_owner import TableOwner

_NAMES = 53
_HTTP = 80
_HTTPS = 443
# Not by connection tracking, which would begin for the whole machine.
_RULES = """
table inet {table}
delete table inet {table}
table inet {table} {{
  set asked {{ typeof tcp sport . meta skuid; flags dynamic,timeout; timeout 30s; }}
  set askers {{ typeof tcp sport; flags dynamic,timeout; timeout 30s; }}
  chain output {{
    type filter hook output priority 0; policy accept;
    oifname != "lo" accept comment "{owner}"
    meta skuid {first}-{last} goto ask
    tcp flags & (syn|ack) == syn delete @askers {{ tcp sport }}
    tcp flags & (syn|ack) == syn|ack tcp dport @askers jump answer
  }}
  chain ask {{
    meta l4proto udp udp dport != {names} reject
    tcp flags & (syn|ack) == syn update @askers {{ tcp sport }} update @asked {{ tcp sport . meta skuid }}
    tcp flags & (syn|ack) == syn|ack tcp dport @askers jump answer
  }}
  chain answer {{
    tcp sport {{ {ports} }} accept
    tcp dport . meta skuid @asked accept
    reject with tcp reset
  }}
}}
"""  # noqa: E501 - a language of its own


_TABLE = re.compile(r"table inet (dagstead_pool_\d+)")
#: As a listing of one begins. A pool that starts makes its table anew, with another handle.
_HANDLE = re.compile(r"table inet \w+ \{ # handle (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loopback:
    """The rules of one pool."""

    users: tuple[int, int]

    @property
    def _table(self) -> str:
        # Two sets of rules for the same users would have to agree.
        return f"dagstead_pool_{self.users[0]}"

    def close(self, *open_ports: int) -> None:
        """Set the rules, in place of those that are there.

        Args:
            open_ports: of the control plane.

        Raises:
            OSError: there is no nftables, or it refuses.
        """
        ports = ", ".join(map(str, sorted({_NAMES, *open_ports})))
        first, last = self.users
        carry_out(
            _RULES.format(
                table=self._table,
                owner=TableOwner.of_this_process(self.users).remark,
                first=first,
                last=last,
                names=_NAMES,
                ports=ports,
            )
        )

    def open(self) -> None:
        """Remove the rules.

        Raises:
            OSError: there is no nftables, or it refuses.
        """
        carry_out(f"table inet {self._table}\ndelete table inet {self._table}\n")


def remove_left_behind() -> None:
    """Remove the rules of all pools that have ended without doing so, and left no code running.

    Raises:
        OSError: there is no nftables, or it refuses.
    """
    for name in _TABLE.findall(carry_out("list tables inet\n")):
        with suppress(OSError):
            # It may be gone, or be another one, at any time.
            _remove_left_behind(name)


def _remove_left_behind(name: str) -> None:
    listing = carry_out(f"list table inet {name}\n")
    handle, owner = _HANDLE.search(listing), TableOwner.named_in(listing)
    if handle is not None and owner is not None and owner.has_left_nothing():
        carry_out(f"delete table inet handle {handle[1]}\n")


def port_of(url: str) -> int:
    """The port of an address."""
    parts = urlsplit(url)
    return parts.port or (_HTTPS if parts.scheme == "https" else _HTTP)
