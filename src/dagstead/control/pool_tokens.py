"""The tokens of managed pools, one per machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.tokens import POOL_PREFIX, make_token
from dagstead.plane.tokens import Grant, Token, TokenKind

#: By how much the clocks of two machines may differ.
_CLOCKS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PoolTokens:
    """Renewed when a pool starts, revoked when it has stopped.

    They have the name of the machine: pools on several machines share one database, and must not
    revoke the tokens of other machines.
    """

    _backend: Backend

    def renew(self, actor: Actor, machine: str, organization: str) -> str:
        """Make a new token for the pool of a machine.

        Earlier tokens stay valid as long as a run may report with them: run workers outlive the
        agent that started them, also when several agents crash one after the other.
        """
        actor.require_system("Starting a pool")
        tokens = self._backend.store.tokens
        oldest = self._oldest_worker()
        valid = self._valid(machine)
        for token, successor in pairwise(valid):
            if successor.created_at + _CLOCKS_SECONDS <= oldest:
                tokens.revoke(token.id)
        grant = Grant(deployments=None, queues=[None], branch_deployments=True)
        issued = make_token(
            self._backend, POOL_PREFIX + machine, TokenKind.AGENT, grant, organization
        )
        # It counts as used, so that a deploy during the start of the pool waits for it.
        tokens.authenticate(issued.secret)
        return issued.secret

    def revoke(self, actor: Actor, machine: str) -> None:
        """Revoke the tokens of a pool that has stopped, with all its run workers."""
        actor.require_system("Stopping a pool")
        for token in self._valid(machine):
            self._backend.store.tokens.revoke(token.id)

    def _oldest_worker(self) -> float:
        """When the first of the run workers that may be at work was started, at the earliest."""
        store = self._backend.store
        launches = (
            launch
            for deployment in store.deployments.all()
            for launch in store.launches.open(deployment.name)
            if launch.begun_by is not None
        )
        return min((each.begun_at or each.created_at for each in launches), default=math.inf)

    def _valid(self, machine: str) -> list[Token]:
        return [
            token
            for token in self._backend.store.tokens.all()
            if token.kind is TokenKind.AGENT
            and token.name == POOL_PREFIX + machine
            and token.revoked_at is None
        ]
