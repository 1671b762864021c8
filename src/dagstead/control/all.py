"""All acts and views, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagstead.control.agents import Agents
from dagstead.control.availability import Availability
from dagstead.control.backend import Backend
from dagstead.control.bell import Bell
from dagstead.control.dagster_data import DagsterData
from dagstead.control.deployments import Deployments
from dagstead.control.files import Files, SignedFiles
from dagstead.control.health import Health
from dagstead.control.launches import Launches
from dagstead.control.load_reports import LoadReports
from dagstead.control.locations import Locations
from dagstead.control.orchestration import Orchestration
from dagstead.control.organization import OrganizationSettings
from dagstead.control.pauses import Pauses
from dagstead.control.pool_tokens import PoolTokens
from dagstead.control.questions import Questions
from dagstead.control.releases import Releases
from dagstead.control.requests import Requests
from dagstead.control.secrets import Secrets
from dagstead.control.sign_ins import Sessions, SignIns
from dagstead.control.statuses import Statuses
from dagstead.control.storage import Storage
from dagstead.control.tokens import TokenReader, Tokens
from dagstead.control.trust import TrustPolicies
from dagstead.control.workers import Workers
from dagstead.control.writes import Writes
from dagstead.plane.clock import Clock
from dagstead.store.all import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """One group of acts and views per noun; made by :func:`control_over`."""

    clock: Clock
    bell: Bell
    deployments: Deployments
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
    statuses: Statuses
    availability: Availability
    agents: Agents
    requests: Requests
    dagster_data: DagsterData
    launches: Launches
    questions: Questions
    files: Files
    signed_files: SignedFiles
    writes: Writes
    health: Health
    storage: Storage
    pauses: Pauses
    secrets: Secrets


def control_over(
    store: Store, bell: Bell, open_orchestration: Callable[[], Orchestration]
) -> Control:
    """All acts and views, over what the control plane stores.

    Args:
        store: has everything.
        bell: is rung after every commit.
        open_orchestration: is called whenever an act needs Dagster.
    """
    backend = Backend(store=store, bell=bell, open_orchestration=open_orchestration)
    return Control(
        clock=store.clock,
        bell=bell,
        deployments=Deployments(backend),
        organization=OrganizationSettings(backend),
        tokens=Tokens(backend),
        pool_tokens=PoolTokens(backend),
        workers=Workers(backend),
        trust=TrustPolicies(backend),
        token_reader=TokenReader(backend),
        sign_ins=SignIns(backend),
        sessions=Sessions(backend),
        releases=Releases(backend),
        load_reports=LoadReports(backend),
        locations=Locations(backend),
        statuses=Statuses(backend),
        availability=Availability(backend),
        agents=Agents(backend),
        requests=Requests(backend),
        dagster_data=DagsterData(backend),
        launches=Launches(backend),
        questions=Questions(backend),
        files=Files(backend),
        signed_files=SignedFiles(backend),
        writes=Writes(backend),
        health=Health(backend),
        storage=Storage(backend),
        pauses=Pauses(backend),
        secrets=Secrets(backend),
    )
