"""Keeping containers from what else this machine offers: its programs, and what its cloud tells it.

A container reaches the addresses of its network's gateway like anybody else on this machine, and by
the machine's route also the address at which clouds hand out a machine's credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.serverless.sandbox.nftables import carry_out

# Before Docker's own rules, which these do not touch.
_RULES = """
table inet {table}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority -5; policy accept;
    iifname != "{bridge}" accept
    ct state established,related accept
    tcp dport {port} accept
    reject
  }}
  chain forward {{
    type filter hook forward priority -5; policy accept;
    iifname "{bridge}" ip daddr 169.254.0.0/16 reject
  }}
}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerFence:
    """The rules around the containers of one pool."""

    pool: str
    #: The interface of their network.
    bridge: str
    #: Of the control plane, on this machine.
    port: int

    @property
    def _table(self) -> str:
        return f"dagstead_docker_{self.pool}"

    def close(self) -> None:
        """Set the rules, in place of those that are there.

        Raises:
            OSError: there is no nftables, or it refuses.
        """
        carry_out(_RULES.format(table=self._table, bridge=self.bridge, port=self.port))

    def open(self) -> None:
        """Remove the rules.

        Raises:
            OSError: there is no nftables, or it refuses.
        """
        carry_out(f"table inet {self._table}\ndelete table inet {self._table}\n")
