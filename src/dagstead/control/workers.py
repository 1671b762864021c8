"""User code in managed pools: the tokens of its processes, and what each of them may change.

A process has a token that ends with it, and the pool's agent keeps its own. A run worker writes to
its run and to runs that it has made, a code server to the runs that are executed in it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.dagster_data import not_of_worker, require_runs
from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import TokenKind, new_secret
from dagstead.plane.workers import (
    LAST_WORDS_SECONDS,
    MADE_SECONDS,
    SERVER_SECONDS,
    SETTLING_SECONDS,
    IssuedWorkerToken,
    Minter,
    PoolCount,
    Worker,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewWorker:
    """A process of user code that a pool's agent is about to start."""

    agent_id: str
    location: str
    #: ``None`` for a code server.
    run_id: str | None = None
    launch: int | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """Acts on the tokens of user code, and checks of what user code changes."""

    _backend: Backend

    def mint(
        self, actor: Actor, deployment: Deployment, new: NewWorker, organization: str
    ) -> IssuedWorkerToken:
        """Make the token of a process of user code.

        Args:
            actor: the pool's agent that starts the process.
            deployment: whose code it is.
            new: the process.
            organization: a part of the secret.

        Raises:
            ForbiddenError: when the actor is no managed pool, or a worker's launch is over.
        """
        pool = actor.require_pool(deployment)
        launch = self._open_launch(deployment, new)
        worker = Worker(
            deployment=deployment.name,
            location=(launch and launch.location) or new.location,
            run_id=new.run_id,
            launch=new.launch,
        )
        secret = new_secret(TokenKind.WORKER, organization)
        token = self._backend.store.workers.create(
            worker,
            secret,
            Minter(pool=pool, agent_id=new.agent_id),
            # The token of a launch ends with it.
            lifetime_seconds=SERVER_SECONDS if launch is None else None,
        )
        return IssuedWorkerToken(id=token.id, secret=secret)

    def keep(self, actor: Actor, count: PoolCount) -> int:
        """Renew the tokens of the processes of a pool that run, and end those of the others.

        Args:
            actor: the pool's agent.
            count: what runs. A token that is neither running nor known to have ended is of a
                process that is about to start, or whose agent was killed.

        Returns:
            How many tokens have ended.

        Raises:
            ForbiddenError: when the actor is no managed pool.
        """
        return self._backend.store.workers.keep(
            ORGANIZATION,
            actor.require_pool(),
            count,
            settling_seconds=SETTLING_SECONDS,
            lifetime_seconds=SERVER_SECONDS,
        )

    def sweep(self, actor: Actor) -> int:
        """End the tokens of processes that nobody has reported as ended; returns how many."""
        actor.require_system("Ending the tokens of workers")
        return self._backend.store.workers.sweep(
            ORGANIZATION, last_words_seconds=LAST_WORDS_SECONDS, made_seconds=MADE_SECONDS
        )

    def require_run(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Refuse user code that writes to a run which is not its own, and which it has not made.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if actor.require_code(deployment) is not None:
            require_runs(self._backend, actor, deployment, [run_id])

    def require_log(self, actor: Actor, deployment: Deployment, log_key: Collection[str]) -> None:
        """Refuse user code that writes output which is not of its runs.

        The output of a step begins with the run, that of a tick with the repository.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        worker = actor.require_code(deployment)
        of = next(iter(log_key), "")
        if worker is not None and (worker.run_id is not None or _is_run_id(of)):
            self.require_run(actor, deployment, of)

    def require_made(self, actor: Actor, deployment: Deployment, made_id: str) -> None:
        """Refuse user code that changes a backfill which it has not made.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        worker = actor.require_code(deployment)
        if worker is not None and not self._backend.store.workers.has_made(worker, made_id):
            raise not_of_worker(worker, f"backfill {made_id}")

    def require_location(self, actor: Actor, deployment: Deployment, location: str | None) -> None:
        """Refuse user code that acts for another location than its own; ``None`` is any.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        worker = actor.require_code(deployment)
        if worker is not None and location != worker.location:
            raise not_of_worker(worker, f"location {location!r}" if location else "all locations")

    def note_making(self, actor: Actor, deployment: Deployment, made_id: str) -> None:
        """Record that user code is about to make a run or a backfill, which nobody has made yet."""
        worker = actor.require_code(deployment)
        if worker is not None:
            self._backend.store.workers.note_made(worker, made_id)

    def _open_launch(self, deployment: Deployment, new: NewWorker) -> Launch | None:
        """The launch of a new run worker; ``None`` for a code server, or without a record of it."""
        if new.run_id is None:
            return None
        launch = self._backend.store.launches.newest(deployment.name, new.run_id)
        if launch is not None and not (launch.is_open and launch.number == new.launch):
            raise ForbiddenError(
                f"Launch {new.launch} of run {new.run_id} is over: it needs no worker."
            )
        return launch


def _is_run_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
