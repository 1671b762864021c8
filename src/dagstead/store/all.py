"""Everything stored, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dagstead.plane.clock import Clock
from dagstead.store.agents import Agents
from dagstead.store.bell.bell import Bell, open_bell
from dagstead.store.blobs import Blobs, open_blobs
from dagstead.store.database import Database
from dagstead.store.deployments import Deployments
from dagstead.store.locations import Locations
from dagstead.store.properties import Properties
from dagstead.store.releases import Releases
from dagstead.store.requests import Requests
from dagstead.store.tokens import Tokens
from dagstead.store.trust import Trust
from dagstead.store.writes import Writes


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """One repository a noun."""

    database: Database
    clock: Clock
    deployments: Deployments
    locations: Locations
    releases: Releases
    requests: Requests
    agents: Agents
    tokens: Tokens
    trust: Trust
    writes: Writes
    properties: Properties
    blobs: Blobs
    bell: Bell

    def close(self) -> None:
        """Send the last rings, and close all connections."""
        self.bell.close()
        self.database.close()


def open_store(*, database_url: str, blobs_folder: Path, clock: Clock) -> Store:
    """Connect, bring the schema up to date, and return the repositories."""
    database = Database(database_url)
    database.migrate()
    properties = Properties(database)
    return Store(
        database=database,
        clock=clock,
        deployments=Deployments(database, clock),
        locations=Locations(database, clock),
        releases=Releases(database, clock),
        requests=Requests(database, clock),
        agents=Agents(database, clock),
        tokens=Tokens(database, clock),
        trust=Trust(database, clock),
        writes=Writes(database, clock),
        properties=properties,
        blobs=open_blobs(blobs_folder, clock=clock, signing_key=properties.signing_key()),
        bell=open_bell(database_url),
    )
