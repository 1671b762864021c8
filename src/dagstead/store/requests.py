"""The request queue in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    insert,
    or_,
    select,
    true,
    update,
)

from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.requests import (
    LAUNCH_RUN,
    TERMINATE_RUN,
    Claim,
    NewRequest,
    Request,
    RequestAnswer,
    RequestState,
)
from dagstead.store.database import Database
from dagstead.store.properties import is_everything_paused, is_paused
from dagstead.store.tables import deployments, requests
from dagstead.store.token_calls import read_presence

_OPEN = (str(RequestState.WAITING), str(RequestState.LEASED))


@dataclass(frozen=True, slots=True)
class RequestStore:
    """Stores requests: they are queued, leased to a poller, then answered or expired.

    Methods take the deployment: ids come from callers, and must not reach into another deployment
    than the authorised one. Housekeeping, which works on all of them, has to say so.
    """

    database: Database
    clock: Clock

    def submit(self, new: NewRequest) -> None:
        """Queue a request. It waits until an agent that serves its queue polls."""
        with self.database.write() as connection:
            insert_request(connection, new, self.clock())

    def pop(self, claim: Claim) -> list[Request]:
        """Lease waiting requests to a poller, oldest first; no two pollers get the same one.

        In a pause, those that launch runs go on waiting; in one of everything, all that do not end
        a run.

        The limit counts per full deployment, and for all branch deployments together, so that a
        busy deployment cannot starve another one. Requests for another token are left to it, as
        long as agents call with that.
        """
        # Most polls find nothing, as the one before, and must not take SQLite's write lock.
        found = self.database.remembered(
            ("requests that wait", claim), partial(_places_of_waiting, claim)
        )
        kept = self._heard({row.for_token for row in found} - {None, claim.token_id})
        found = [row for row in found if row.for_token not in kept]
        if not found:
            return []
        free = or_(requests.c.for_token.is_(None), requests.c.for_token.not_in(sorted(kept)))
        groups: list[ColumnElement[bool]] = [
            requests.c.deployment == name
            for name in sorted({row.deployment for row in found if not row.is_branch})
        ]
        if any(row.is_branch for row in found):
            groups.append(requests.c.is_branch.is_(True))
        with self.database.write() as connection:
            rows = [
                row
                for group in groups
                for row in self._lease(connection, claim, and_(_waiting(claim), free, group))
            ]
        return [_request(row) for row in sorted(rows, key=lambda row: row.seq)]

    def has_leased(self, claim: Claim) -> bool:
        """Whether the token of a poll has taken a request that it has not answered."""
        return self.database.remembered(
            ("leased requests", claim.token_id), partial(_has_leased, claim.token_id)
        )

    def answer(
        self, deployment: str, request_id: str, answer: str, *, by: int | None
    ) -> Request | None:
        """Keep the first answer to a request.

        A launch may be answered again in the same words: who took its answer may have died before
        it could fail the run.

        Args:
            deployment: of the request.
            request_id: as the caller has it.
            answer: serialized.
            by: the token that answers; ``None`` is the control plane itself.

        Returns:
            The request; ``None`` when the answer is dropped, because the request is unknown in that
            deployment, taken by another token, expired, or answered already.
        """
        with self.database.write() as connection:
            row = connection.execute(
                update(requests)
                .where(_in(deployment))
                .where(requests.c.id == request_id)
                .where(_held(by))
                .where(
                    or_(
                        requests.c.state.in_(_OPEN),
                        and_(requests.c.api == LAUNCH_RUN, requests.c.answer == answer),
                    )
                )
                .values(state=str(RequestState.ANSWERED), answer=answer, answered_at=self.clock())
                .returning(requests)
            ).one_or_none()
        return _request(row) if row else None

    def get_answer(self, deployment: str, request_id: str) -> RequestAnswer | None:
        """The answer, or ``None`` while there is none."""
        with self.database.read() as connection:
            row = connection.execute(
                select(requests.c.answer, requests.c.leased_by)
                .where(_in(deployment))
                .where(requests.c.id == request_id)
                .where(requests.c.answer.is_not(None))
            ).one_or_none()
        return None if row is None else RequestAnswer(text=row.answer, token_id=row.leased_by)

    def open(self, _of: Organization) -> list[Request]:
        """All requests of all deployments that have no answer yet, oldest first."""
        return self._select(requests.c.state.in_(_OPEN))

    def of_run(self, deployment: str, run_id: str) -> list[Request]:
        """The requests that launch or terminate a run, oldest first."""
        return self._select(and_(_in(deployment), requests.c.run_id == run_id))

    def begin_launch(self, deployment: str, run_id: str, agent_id: str, *, by: int | None) -> bool:
        """Let the first agent that asks begin a run.

        Args:
            deployment: of the run.
            run_id: of the run.
            agent_id: of the agent.
            by: its token; ``None`` is the control plane itself.

        Returns:
            False when another agent has begun it, or another token has taken its request.
        """
        launch = and_(_in(deployment), requests.c.run_id == run_id, requests.c.api == LAUNCH_RUN)
        with self.database.write() as connection:
            connection.execute(
                update(requests)
                .where(launch)
                .where(_held(by))
                .where(requests.c.begun_by.is_(None))
                .values(begun_by=agent_id)
            )
            others = connection.execute(
                select(requests.c.id)
                .where(launch)
                .where(or_(requests.c.begun_by.is_distinct_from(agent_id), ~_held(by)))
            ).all()
        return not others

    def give_back(self, request: Request) -> bool:
        """Put a leased request back on its queue, because the agent that took it is gone.

        Returns:
            False when it was answered, delivered again or begun since it was read.
        """
        with self.database.write() as connection:
            return bool(
                connection.execute(
                    update(requests)
                    .where(_in(request.deployment))
                    .where(requests.c.id == request.id)
                    .where(requests.c.state == str(RequestState.LEASED))
                    .where(requests.c.deliveries == request.deliveries)
                    .where(requests.c.begun_by.is_(None))
                    .values(
                        state=str(RequestState.WAITING),
                        leased_at=None,
                        leased_by=None,
                        for_token=None,
                    )
                ).rowcount
            )

    def withdraw(self, deployment: str, request_ids: Sequence[str]) -> int:
        """Expire requests that no agent has taken; returns how many."""
        with self.database.write() as connection:
            return connection.execute(
                update(requests)
                .where(_in(deployment))
                .where(requests.c.id.in_(request_ids))
                .where(requests.c.state == str(RequestState.WAITING))
                .values(state=str(RequestState.EXPIRED))
            ).rowcount

    def expire(self, deployment: str, request_ids: Sequence[str]) -> None:
        """Expire requests that nobody needs any more, unless they are answered."""
        with self.database.write() as connection:
            connection.execute(
                update(requests)
                .where(_in(deployment))
                .where(requests.c.id.in_(request_ids))
                .where(requests.c.state.in_(_OPEN))
                .values(state=str(RequestState.EXPIRED))
            )

    def expire_overdue(self, _of: Organization) -> list[Request]:
        """Expire and return the requests of all deployments that were not answered in time."""
        now = self.clock()
        if not self._select(and_(requests.c.state.in_(_OPEN), requests.c.expires_at <= now)):
            return []
        with self.database.write() as connection:
            rows = connection.execute(
                update(requests)
                .where(requests.c.state.in_(_OPEN))
                .where(requests.c.expires_at <= now)
                .values(state=str(RequestState.EXPIRED))
                .returning(requests)
            ).all()
        return [_request(row) for row in rows]

    def purge(self, _of: Organization, older_than_seconds: float) -> int:
        """Remove requests of all deployments that ended that long ago; returns how many."""
        before = self.clock() - older_than_seconds
        with self.database.write() as connection:
            return connection.execute(
                delete(requests)
                .where(requests.c.state.not_in(_OPEN))
                .where(requests.c.created_at < before)
            ).rowcount

    def _lease(
        self, connection: Connection, claim: Claim, waiting: ColumnElement[bool]
    ) -> Sequence[Row[Any]]:
        chosen = (
            select(requests.c.seq)
            .where(waiting)
            .order_by(requests.c.seq)
            .limit(claim.limit)
            .with_for_update(skip_locked=True)
        )
        return connection.execute(
            update(requests)
            .where(requests.c.seq.in_(chosen.scalar_subquery()))
            .values(
                state=str(RequestState.LEASED),
                leased_at=self.clock(),
                leased_by=claim.token_id,
                deliveries=requests.c.deliveries + 1,
            )
            .returning(requests)
        ).all()

    def _heard(self, tokens: Collection[int]) -> set[int]:
        """Those of these tokens that agents call with."""
        if not tokens:
            return set()
        presence = read_presence(self.database, self.clock())
        return {token for token in tokens if presence.is_silent(token) is False}

    def _select(self, condition: ColumnElement[bool]) -> list[Request]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(requests).where(condition).order_by(requests.c.seq)
            ).all()
        return [_request(row) for row in rows]


def insert_request(connection: Connection, new: NewRequest, now: float) -> None:
    """Queue a request, as a part of a transaction."""
    is_branch = (
        select(deployments.c.kind == "branch")
        .where(deployments.c.name == new.deployment)
        .scalar_subquery()
    )
    connection.execute(
        insert(requests).values(
            id=new.id,
            api=new.api,
            deployment=new.deployment,
            is_branch=is_branch,
            queue=new.queue,
            location=new.location,
            run_id=new.run_id,
            for_token=new.for_token,
            body=new.body,
            state=str(RequestState.WAITING),
            created_at=now,
            expires_at=new.expires_at,
            deliveries=0,
        )
    )


def _in(deployment: str) -> ColumnElement[bool]:
    return requests.c.deployment == deployment


def _held(by: int | None) -> ColumnElement[bool]:
    """Whether a token is the one that has taken a request."""
    return true() if by is None else requests.c.leased_by.is_not_distinct_from(by)


def _places_of_waiting(
    claim: Claim, connection: Connection
) -> Sequence[Row[str, bool, int | None]]:
    """Where requests wait that a poll may take, and for which tokens."""
    return connection.execute(
        select(requests.c.deployment, requests.c.is_branch, requests.c.for_token)
        .where(_waiting(claim))
        .distinct()
    ).all()


def _has_leased(token_id: int, connection: Connection) -> bool:
    leased = select(requests.c.seq).where(
        requests.c.state == str(RequestState.LEASED), requests.c.leased_by == token_id
    )
    return connection.execute(leased.limit(1)).one_or_none() is not None


def _waiting(claim: Claim) -> ColumnElement[bool]:
    return and_(requests.c.state == str(RequestState.WAITING), _claimed(claim))


def _claimed(claim: Claim) -> ColumnElement[bool]:
    named = [queue for queue in claim.queues if queue is not None]
    in_queue: ColumnElement[bool] = requests.c.queue.in_(named)
    if None in claim.queues:
        in_queue = or_(in_queue, requests.c.queue.is_(None))
    in_deployment: ColumnElement[bool] = and_(
        requests.c.is_branch.is_(False), requests.c.deployment.in_(sorted(claim.deployments))
    )
    if claim.branch_deployments:
        in_deployment = or_(in_deployment, requests.c.is_branch.is_(True))
    return and_(
        in_queue,
        in_deployment,
        or_(requests.c.api != LAUNCH_RUN, ~is_paused()),
        or_(requests.c.api == TERMINATE_RUN, ~is_everything_paused()),
    )


def _request(row: Row[Any]) -> Request:
    return Request(
        id=row.id,
        api=row.api,
        deployment=row.deployment,
        is_branch=row.is_branch,
        queue=row.queue,
        location=row.location,
        run_id=row.run_id,
        body=row.body,
        state=RequestState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        leased_at=row.leased_at,
        leased_by=row.leased_by,
        deliveries=row.deliveries,
        begun_by=row.begun_by,
        for_token=row.for_token,
    )
