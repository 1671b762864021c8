"""A deployment with settings and definitions, and open-source Dagster's daemons over it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, DagsterInstance, DagsterRun, Definitions
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id
from dagster._daemon.daemon import DagsterDaemon, SpanMarker
from dagster._serdes import deserialize_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiGrpcResponse,
    DagsterCloudApiRequest,
)
from sqlalchemy import update

from dagstead.control import bell
from dagstead.control.actor import SYSTEM
from dagstead.control.settings.form import deployment_settings_errors
from dagstead.engine.daemons import Daemons
from dagstead.engine.instances import Instances
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import Request
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.tables import leader
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.stored_definitions import stored_manifest
from tests.unit.engine.runs import POLL

LOCATION = "weather"
#: On a machine that does other things.
PATIENCE = 60


@dataclass(frozen=True)
class Stage:
    """The deployment prod, or another one."""

    instances: Instances
    clock: ManualClock
    daemons: Daemons
    name: str = "prod"

    @property
    def store(self) -> Store:
        return self.instances.store

    @property
    def deployment(self) -> Deployment:
        return self.store.deployments.get(self.name)

    @property
    def instance(self) -> DagsterInstance:
        return self.instances.get(self.deployment)

    @property
    def workspace(self) -> DeploymentWorkspace:
        deployment = self.deployment
        return DeploymentWorkspace(
            self.name, self.instances, base_url="http://127.0.0.1:1", fixed=deployment
        )

    def set(self, settings: dict[str, Any]) -> DagsterInstance:
        """Set settings that the form takes; the instance that the deployment has then."""
        assert deployment_settings_errors(settings) == []
        self.store.deployments.set_settings(self.name, settings)
        return self.instance

    def load(self, definitions: Definitions) -> None:
        """Let the location have these definitions, whose agent is alive."""
        store = self.store
        manifest = stored_manifest(store, self.name, definitions)
        deploy_id = store.locations.get(self.name, LOCATION).deploy_id
        assert store.releases.set_loaded(
            self.name, LOCATION, deploy_id=deploy_id, manifest=manifest
        ).counted
        store.agents.record([heartbeat_of("gpu", now=self.clock(), agent_id="agent-1")])
        if not store.tokens.all():
            token = store.tokens.create("gpu", TokenKind.AGENT, "secret", Grant())
            assert token.id == POLL.token_id
        store.token_calls.polled(POLL.token_id)

    def daemon(self, kind: str) -> DagsterDaemon[Any]:
        """The daemon of that kind that the deployment has by its settings."""
        (found,) = [
            daemon
            for daemon in self.daemons._daemons_of(self.deployment, self.instance)
            if daemon.daemon_type() == kind
        ]
        return found

    @contextmanager
    def running(self, kind: str) -> Iterator[None]:
        """The daemon of that kind at work. Afterwards nobody waits for agents any more."""
        stop = threading.Event()

        def work() -> None:
            # It ends with the threads that it has begun.
            with (
                self.daemon(kind) as daemon,
                closing(daemon.core_loop(self.workspace, stop)) as loop,
            ):
                while not stop.is_set():
                    next(loop)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            eventually(lambda: self._has_ended(thread), PATIENCE, "the end of the daemon")

    @contextmanager
    def answering(self, code_server: Callable[[DagsterCloudApiRequest], str]) -> Iterator[None]:
        """An agent that answers everything with what a code server says."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.02):
                for request in self.store.requests.pop(POLL):
                    asked = deserialize_value(request.body, DagsterCloudApiRequest)
                    text = serialize_value(
                        DagsterCloudApiGrpcResponse(serialized_response_or_error=code_server(asked))
                    )
                    self.store.requests.answer(self.name, request.id, text, by=None)
                    self.instances.control.bell.ring(bell.answered(request.id))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE)

    def rounds(self, kind: str, count: int) -> None:
        """So many rounds of a daemon that goes on and on."""
        hurry = threading.Event()
        hurry.set()
        with (
            self.daemon(kind) as daemon,
            closing(daemon.core_loop(self.workspace, hurry)) as loop,
        ):
            for step in loop:
                count -= step is SpanMarker.END_SPAN
                if not count:
                    return

    def _has_ended(self, thread: threading.Thread) -> bool:
        # It may have asked something since.
        self.clock.advance(100_000)
        return not thread.is_alive()

    def questions(self, api: DagsterCloudApi) -> list[Request]:
        """What is asked of the location's agent and not answered yet."""
        return [each for each in self.store.requests.open(ORGANIZATION) if each.api == api.value]

    def see_at_once(self, kind: str, count: int) -> None:
        """Let a daemon work while no agent answers, and see how many things it works on.

        Each of them has asked the location's agent something.
        """
        with self.running(kind):
            eventually(lambda: len(self._asked()) >= count, PATIENCE, f"{count} questions")
            # What waits for a thread asks when one is free.
            assert len(self._asked()) == count

    def eventually_asks(self, api: DagsterCloudApi, count: int) -> None:
        """See that so many questions of a kind are open at one time, and no more."""
        eventually(lambda: len(self.questions(api)) >= count, PATIENCE, f"{count} questions")
        assert len(self.questions(api)) == count

    def answer_next(self, api: DagsterCloudApi, answer: Any) -> None:
        """Wait for a question of a kind, and answer it."""
        questions = eventually(lambda: self.questions(api), PATIENCE, "a question")
        self.answer(questions[0], answer)

    def _asked(self) -> list[Request]:
        return self.store.requests.open(ORGANIZATION)

    def answer(self, request: Request, answer: Any) -> None:
        """Answer a question, as an agent does."""
        self.store.requests.pop(POLL)
        response = DagsterCloudApiGrpcResponse(serialized_response_or_error=serialize_value(answer))
        text = serialize_value(response)
        assert self.store.requests.answer(self.name, request.id, text, by=None) is not None
        self.instances.control.bell.ring(bell.answered(request.id))

    def queued(self, count: int = 1, **of_run: Any) -> list[DagsterRun]:
        """Runs that wait in the run queue, the first one first."""
        return [queued_run(self.instance, **of_run) for _ in range(count)]

    def dequeue(self) -> None:
        """A round of the run queue."""
        list(self.daemon("QUEUED_RUN_COORDINATOR").run_iteration(self.workspace))  # type: ignore[attr-defined]

    def why(self, run: DagsterRun) -> str:
        """Why a run waits, while a process runs the daemons."""
        with self.store.database.write() as connection:
            connection.execute(update(leader).values(holder="here", renewed_at=self.clock()))
        control = self.instances.control
        return str(control.reasons.why_run(SYSTEM, self.deployment, run.run_id).reason)

    def started(self, runs: Sequence[DagsterRun]) -> list[bool]:
        """Which runs have left the run queue."""
        found = [self.instance.get_run_by_id(run.run_id) for run in runs]
        return [run is not None and run.status.value != "QUEUED" for run in found]


def job_origin(job: str = "job") -> RemoteJobOrigin:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), "__repository__")
    return RemoteJobOrigin(repository, job)


def queued_run(instance: DagsterInstance, **of_run: Any) -> DagsterRun:
    """A run that waits in the run queue."""
    run = DagsterRun(
        job_name="job", run_id=make_new_run_id(), remote_job_origin=job_origin(), **of_run
    )
    added = instance.run_storage.add_run(run)
    instance.report_dagster_event(DagsterEvent.job_enqueue(added), added.run_id)
    return added
