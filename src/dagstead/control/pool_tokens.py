"""The tokens of managed pools, one per machine."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.tokens import POOL_PREFIX, make_token
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import Grant, PoolReach, Token, TokenKind


@dataclass(frozen=True, slots=True)
class PoolTokens:
    """Renewed when a pool starts, revoked when it has stopped.

    They have the name of the machine: pools on several machines share one database, and must not
    revoke the tokens of other machines.
    """

    _backend: Backend

    def renew(
        self, actor: Actor, machine: str, organization: str, serves: PoolReach = PoolReach.ALL
    ) -> str:
        """Make a new token for the pool of a machine, which grants what that serves.

        The token before stays valid until the pool stops cleanly, or starts once more: run workers
        of an earlier version that survived the upgrade still report with it.
        """
        actor.require_system("Starting a pool")
        tokens = self._backend.store.tokens
        for token in self._valid(machine)[:-1]:
            tokens.revoke(token.id)
        grant = Grant(
            deployments=() if serves is PoolReach.BRANCHES else None,
            queues=[None],
            branch_deployments=serves is not PoolReach.FULL,
        )
        issued = make_token(
            self._backend, POOL_PREFIX + machine, TokenKind.POOL, grant, organization
        )
        # It counts as used, so that a deploy during the start of the pool waits for it.
        tokens.authenticate(issued.secret)
        return issued.secret

    def revoke(self, actor: Actor, machine: str) -> None:
        """Revoke the tokens of a pool that has stopped, with all its run workers."""
        actor.require_system("Stopping a pool")
        for token in self._valid(machine):
            self._backend.store.tokens.revoke(token.id)
        self._backend.store.workers.end_of_pool(ORGANIZATION, POOL_PREFIX + machine)

    def _valid(self, machine: str) -> list[Token]:
        return [
            token
            for token in self._backend.store.tokens.all()
            if token.kind is TokenKind.POOL
            and token.name == POOL_PREFIX + machine
            and token.revoked_at is None
        ]
