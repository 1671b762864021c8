"""Tokens in the database, which has only their hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, null, select, update

from dagstead.errors import NotFoundError, UnauthenticatedError
from dagstead.plane.clock import Clock
from dagstead.plane.projects import Project
from dagstead.plane.reach import Reach
from dagstead.plane.roles import ADMIN, Roles
from dagstead.plane.tokens import Grant, SeenUse, Token, TokenKind, hash_secret
from dagstead.store.database import Database
from dagstead.store.tables import former_secrets, queues_from_json, queues_to_json, tokens
from dagstead.store.token_uses import TokenUses

#: Long enough to find the token of yesterday's job in the list.
_EXPIRED_KEPT_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class TokenStore:
    """Stores tokens."""

    database: Database
    clock: Clock
    uses: TokenUses

    def create(self, name: str, kind: TokenKind, secret: str, grant: Grant) -> Token:
        """Store a token by the hash of its secret."""
        with self.database.write() as connection:
            row = connection.execute(
                insert(tokens)
                .values(
                    name=name,
                    kind=str(kind),
                    hash=hash_secret(secret),
                    deployments=(
                        null() if grant.deployments is None else sorted(grant.deployments)
                    ),
                    queues=null() if grant.queues is None else queues_to_json(grant.queues),
                    branch_deployments=grant.branch_deployments,
                    created_at=self.clock(),
                    expires_at=grant.expires_at,
                    repository=grant.repository,
                    locations=null() if grant.locations is None else sorted(grant.locations),
                    project=null() if grant.project is None else grant.project.as_stored,
                    is_pull_request=grant.is_pull_request,
                    secret_values=(
                        null() if grant.secret_values is None else sorted(grant.secret_values)
                    ),
                    roles=None if grant.roles == ADMIN else grant.roles.as_json(),
                )
                .returning(tokens)
            ).one()
        return token_of(row)

    def change_reach(self, token_id: int, change: Callable[[Reach], Reach]) -> Token:
        """Change which deployments an agent token grants, in one transaction.

        Raises:
            NotFoundError: when there is no agent token of that id.
        """
        with self.database.write() as connection:
            row = connection.execute(
                select(tokens)
                .where(tokens.c.id == token_id)
                .where(tokens.c.kind == str(TokenKind.AGENT))
                .with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFoundError(no_such(token_id, TokenKind.AGENT))
            changed = connection.execute(
                update(tokens)
                .where(tokens.c.id == token_id)
                .values(**_columns(change(token_of(row).reach)))
                .returning(tokens)
            ).one()
        return token_of(changed)

    def authenticate(self, secret: str, address: str | None = None) -> Token:
        """The token of a secret.

        Args:
            secret: its own, or one from before it was rotated: then the token ends sooner.
            address: whoever calls, if that is known.

        Raises:
            UnauthenticatedError: when it is unknown, revoked or expired.
        """
        hashed = hash_secret(secret)
        row, former = self.database.remembered(("token", hashed), partial(_found, hashed))
        return self._former(former, address) if row is None else self.valid(row, address)

    def known(self, secret: str, address: str | None = None) -> Token | None:
        """The token of a secret, if no database has to be asked or told for that.

        Args:
            secret: that somebody sends.
            address: whoever sends it, if that is known.
        """
        row, _ = self.database.known(("token", hash_secret(secret))) or (None, None)
        if row is None or self._no_longer_valid(row) or self.uses.is_due(row, address):
            return None
        return token_of(row)

    def _former(self, row: Row[Any] | None, address: str | None) -> Token:
        if row is None:
            msg = (
                "This token is unknown here. Check that it was created on this control plane and "
                "copied as a whole, or create one there with `dagstead token create`."
            )
            raise UnauthenticatedError(msg)
        if row.former_expires_at <= self.clock():
            msg = (
                f"Token {row.name!r} was rotated, and its former secret is no longer accepted. Use "
                "the new one; `dagstead token rotate` makes another."
            )
            raise UnauthenticatedError(msg, token=_in_words(row))
        token, ends = self.valid(row, address), row.former_expires_at
        return replace(token, expires_at=min(ends, token.expires_at or ends))

    def get(self, token_id: int) -> Token:
        """The token that a signed address was made for.

        Raises:
            UnauthenticatedError: when it is gone, revoked or expired.
        """
        with self.database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
        if row is None:
            msg = f"Token {token_id} no longer exists. Create one with `dagstead token create`."
            raise UnauthenticatedError(msg)
        return self.valid(row)

    def all(self) -> list[Token]:
        """All tokens, revoked ones too, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.id)).all()
        return [token_of(row) for row in rows]

    def revoke(self, token_id: int, kind: TokenKind | None = None) -> Token:
        """Revoke a token.

        Args:
            token_id: of the token.
            kind: the kind that it must have; any if left out.

        Raises:
            NotFoundError: when there is none of that id and kind.
        """
        wanted = tokens.c.id == token_id
        if kind is not None:
            wanted &= tokens.c.kind == str(kind)
        with self.database.write() as connection:
            connection.execute(
                update(tokens)
                .where(wanted)
                .where(tokens.c.revoked_at.is_(None))
                .values(revoked_at=self.clock())
            )
            row = connection.execute(select(tokens).where(wanted)).one_or_none()
        if row is None:
            raise NotFoundError(no_such(token_id, kind))
        return token_of(row)

    def delete_expired(self) -> None:
        """Remove tokens that expired long ago: every CI job leaves one."""
        # The newest stays: SQLite would use its id for the next token, which would then pass for
        # the one that logs and heartbeats mean by this number.
        newest = select(func.max(tokens.c.id)).scalar_subquery()
        with self.database.write() as connection:
            connection.execute(
                delete(tokens)
                .where(tokens.c.expires_at < self.clock() - _EXPIRED_KEPT_SECONDS)
                .where(tokens.c.id < newest)
            )

    def ending(self, within_seconds: float) -> list[Token]:
        """The tokens of people and agents that end so soon, the next first."""
        now = self.clock()
        with self.database.read() as connection:
            rows = connection.execute(
                select(tokens)
                .where(tokens.c.revoked_at.is_(None), tokens.c.repository.is_(None))
                .where(tokens.c.expires_at > now, tokens.c.expires_at <= now + within_seconds)
                .order_by(tokens.c.expires_at)
            ).all()
        return [token_of(row) for row in rows]

    def valid(self, row: Row[Any], address: str | None = None) -> Token:
        """The token of a row that somebody's secret led to; its use is recorded.

        Raises:
            UnauthenticatedError: when it is revoked or expired.
        """
        msg = self._no_longer_valid(row)
        if msg is not None:
            raise UnauthenticatedError(msg, token=_in_words(row))
        self.uses.note(row, address)
        return token_of(row)

    def _no_longer_valid(self, row: Row[Any]) -> str | None:
        if row.revoked_at is not None:
            return f"Token {row.name!r} was revoked. Create a new one with `dagstead token create`."
        if row.expires_at is not None and row.expires_at <= self.clock():
            way = "token create" if row.repository is None else "login"
            return f"Token {row.name!r} has expired. Get a new one with `dagstead {way}`."
        return None


_PRESENT = select(tokens).where(tokens.c.hash == bindparam("hashed"))
_FORMER = (
    select(tokens, former_secrets.c.expires_at.label("former_expires_at"))
    .join(former_secrets, former_secrets.c.token_id == tokens.c.id)
    .where(former_secrets.c.hash == bindparam("hashed"))
)


def _found(hashed: str, connection: Connection) -> tuple[Row[Any] | None, Row[Any] | None]:
    """The row of a secret, or else that of one from before the token was rotated."""
    row = connection.execute(_PRESENT, {"hashed": hashed}).one_or_none()
    return row, None if row else connection.execute(_FORMER, {"hashed": hashed}).one_or_none()


def _in_words(row: Row[Any]) -> str:
    return f"{row.kind} token {row.name!r}"


def token_of(row: Row[Any]) -> Token:
    """The token of a row that has all columns of tokens, and maybe those of other tables."""
    of, values = tokens.c, row._mapping  # noqa: SLF001 - the public name of a row's mapping
    deployments, queues, locations = values[of.deployments], values[of.queues], values[of.locations]
    return Token(
        id=values[of.id],
        name=values[of.name],
        kind=TokenKind(values[of.kind]),
        deployments=None if deployments is None else frozenset(deployments),
        queues=None if queues is None else queues_from_json(queues),
        branch_deployments=values[of.branch_deployments],
        created_at=values[of.created_at],
        revoked_at=values[of.revoked_at],
        last_used_at=values[of.last_used_at],
        expires_at=values[of.expires_at],
        repository=values[of.repository],
        locations=None if locations is None else frozenset(locations),
        beside=_beside(values[of.beside] or {}),
        project=Project.of_stored(values[of.project]),
        is_pull_request=values[of.is_pull_request],
        secret_values=(
            None if values[of.secret_values] is None else frozenset(values[of.secret_values])
        ),
        roles=ADMIN if values[of.roles] is None else Roles.from_json(values[of.roles]),
        rotated_at=values[of.rotated_at],
        used_from=tuple(
            SeenUse(address=address, at=at) for address, at in values[of.used_from] or ()
        ),
    )


def _beside(stored: Mapping[str, Any]) -> Reach:
    return Reach(
        deployments=frozenset(stored.get("deployments", ())),
        branch_deployments=bool(stored.get("branch_deployments")),
    )


def _columns(reach: Reach) -> Mapping[str, Any]:
    if not reach.organization:
        return {
            "deployments": sorted(reach.deployments),
            "branch_deployments": reach.branch_deployments,
            "beside": null(),
        }
    beside = {
        "deployments": sorted(reach.deployments),
        "branch_deployments": reach.branch_deployments,
    }
    return {"deployments": null(), "branch_deployments": True, "beside": beside}


def no_such(token_id: int, kind: TokenKind | None = None) -> str:
    """The message for a token that does not exist."""
    what = "token" if kind is None else f"{kind} token"
    return f"There is no {what} {token_id}. See `dagstead token list`."
