"""All acts and views, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagstead.control.agent_cards import AgentCards
from dagstead.control.agents import Agents
from dagstead.control.alert_watch import AlertWatch
from dagstead.control.alerts import Alerts
from dagstead.control.availability import Availability
from dagstead.control.backend import Backend
from dagstead.control.bell import Bell
from dagstead.control.branches import Branches
from dagstead.control.callers import Callers
from dagstead.control.dagster_data import DagsterData
from dagstead.control.deployments import Deployments
from dagstead.control.dequeues import Dequeues
from dagstead.control.files import Files, SignedFiles
from dagstead.control.health import Health
from dagstead.control.image_registry import ImageRegistry
from dagstead.control.images import Images
from dagstead.control.launches import Launches
from dagstead.control.load_reports import LoadReports
from dagstead.control.locations import Locations
from dagstead.control.metrics import Metrics
from dagstead.control.orchestration import Orchestration
from dagstead.control.organization import OrganizationSettings
from dagstead.control.overview import Overview
from dagstead.control.pauses import Pauses
from dagstead.control.pool_tokens import PoolTokens
from dagstead.control.questions import Questions
from dagstead.control.queues import Queues
from dagstead.control.reasons import Reasons
from dagstead.control.recording import Recorder, recorded
from dagstead.control.releases import Releases
from dagstead.control.requests import Requests
from dagstead.control.run_limits import RunLimits
from dagstead.control.runs import Runs
from dagstead.control.secrets import Secrets
from dagstead.control.server_logs import ServerLogs
from dagstead.control.sign_ins import Sessions, SignIns
from dagstead.control.statuses import Statuses
from dagstead.control.storage import Storage
from dagstead.control.tokens import TokenReader, Tokens
from dagstead.control.traces import Traces
from dagstead.control.trail import Trail
from dagstead.control.trust import TrustPolicies
from dagstead.control.wait_notes import WaitNotes
from dagstead.control.workers import Workers
from dagstead.control.writes import Writes
from dagstead.plane.clock import Clock
from dagstead.plane.traces import NO_TRACER, Tracer
from dagstead.store.all import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """One group of acts and views per noun; made by :func:`control_over`."""

    clock: Clock
    bell: Bell
    tracer: Tracer
    deployments: Deployments
    branches: Branches
    organization: OrganizationSettings
    tokens: Tokens
    pool_tokens: PoolTokens
    workers: Workers
    trust: TrustPolicies
    token_reader: TokenReader
    sign_ins: SignIns
    sessions: Sessions
    releases: Releases
    load_reports: LoadReports
    locations: Locations
    server_logs: ServerLogs
    statuses: Statuses
    availability: Availability
    overview: Overview
    agents: Agents
    agent_cards: AgentCards
    alerts: Alerts
    alert_watch: AlertWatch
    requests: Requests
    dagster_data: DagsterData
    launches: Launches
    run_limits: RunLimits
    runs: Runs
    questions: Questions
    queues: Queues
    dequeues: Dequeues
    reasons: Reasons
    wait_notes: WaitNotes
    callers: Callers
    files: Files
    signed_files: SignedFiles
    images: Images
    writes: Writes
    health: Health
    metrics: Metrics
    traces: Traces
    storage: Storage
    pauses: Pauses
    secrets: Secrets
    trail: Trail
    #: For acts of surfaces that are none of `control`.
    recorder: Recorder


def control_over(
    store: Store,
    bell: Bell,
    open_orchestration: Callable[[], Orchestration],
    tracer: Tracer = NO_TRACER,
    registry: ImageRegistry | None = None,
) -> Control:
    """All acts and views, over what the control plane stores.

    Args:
        store: has everything.
        bell: is rung after every commit.
        open_orchestration: is called whenever an act needs Dagster.
        tracer: gets reports on releases, runs and requests.
        registry: of images, if the installation has one.
    """
    recorder = Recorder(store.trail, store.refused_callers)
    backend = Backend(
        store=store,
        bell=bell,
        recorder=recorder,
        open_orchestration=open_orchestration,
        tracer=tracer,
        registry=registry,
    )
    return Control(
        clock=store.clock,
        bell=bell,
        tracer=tracer,
        deployments=recorded(Deployments, "deployments")(backend),
        branches=recorded(Branches, "branches")(backend),
        organization=recorded(OrganizationSettings, "organization")(backend),
        tokens=recorded(Tokens, "tokens")(backend),
        pool_tokens=recorded(PoolTokens, "pool_tokens")(backend),
        workers=recorded(Workers, "workers")(backend),
        trust=recorded(TrustPolicies, "trust")(backend),
        token_reader=recorded(TokenReader, "token_reader")(backend),
        sign_ins=recorded(SignIns, "sign_ins")(backend),
        sessions=recorded(Sessions, "sessions")(backend),
        releases=recorded(Releases, "releases")(backend),
        load_reports=recorded(LoadReports, "load_reports")(backend),
        locations=recorded(Locations, "locations")(backend),
        server_logs=recorded(ServerLogs, "server_logs")(backend),
        statuses=recorded(Statuses, "statuses")(backend),
        availability=recorded(Availability, "availability")(backend),
        overview=recorded(Overview, "overview")(backend),
        agents=recorded(Agents, "agents")(backend),
        agent_cards=recorded(AgentCards, "agent_cards")(backend),
        alerts=recorded(Alerts, "alerts")(backend),
        alert_watch=recorded(AlertWatch, "alert_watch")(backend),
        requests=recorded(Requests, "requests")(backend),
        dagster_data=recorded(DagsterData, "dagster_data")(backend),
        launches=recorded(Launches, "launches")(backend),
        run_limits=recorded(RunLimits, "run_limits")(backend),
        runs=recorded(Runs, "runs")(backend),
        questions=recorded(Questions, "questions")(backend),
        queues=recorded(Queues, "queues")(backend),
        dequeues=recorded(Dequeues, "dequeues")(backend),
        reasons=recorded(Reasons, "reasons")(backend),
        wait_notes=recorded(WaitNotes, "wait_notes")(backend),
        callers=recorded(Callers, "callers")(backend),
        files=recorded(Files, "files")(backend),
        signed_files=recorded(SignedFiles, "signed_files")(backend),
        images=recorded(Images, "images")(backend),
        writes=recorded(Writes, "writes")(backend),
        health=recorded(Health, "health")(backend),
        metrics=recorded(Metrics, "metrics")(backend),
        traces=recorded(Traces, "traces")(backend),
        storage=recorded(Storage, "storage")(backend),
        pauses=recorded(Pauses, "pauses")(backend),
        secrets=recorded(Secrets, "secrets")(backend),
        trail=recorded(Trail, "trail")(backend),
        recorder=recorder,
    )
