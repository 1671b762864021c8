"""All stores, opened together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from dagstead.plane.clock import Clock
from dagstead.plane.leases import Fence
from dagstead.store.agents import AgentStore
from dagstead.store.alert_outbox import AlertOutbox
from dagstead.store.alert_policies import AlertPolicyStore
from dagstead.store.alert_silences import AlertSilenceStore
from dagstead.store.bell.bell import ProcessBell, open_bell
from dagstead.store.blobs import BlobStore, open_blobs
from dagstead.store.branches import BranchStore
from dagstead.store.ci_logins import CiLoginStore
from dagstead.store.database import Database, sqlite_file
from dagstead.store.deployments import DeploymentStore
from dagstead.store.disks import Disks
from dagstead.store.histories import Histories
from dagstead.store.key_sources import OWN_KEY_FILE, KeySource, OwnKeyFile
from dagstead.store.launches import LaunchStore
from dagstead.store.leases import LeaseStore
from dagstead.store.lines import Patience
from dagstead.store.locations import LocationStore
from dagstead.store.noted_waits import NotedWaitStore
from dagstead.store.numbers import NumberStore
from dagstead.store.pex_files import PexFileStore
from dagstead.store.properties import PropertyStore
from dagstead.store.pushed_images import PushedImageStore
from dagstead.store.queue_calls import QueueCallStore
from dagstead.store.queues import QueueStore
from dagstead.store.refused_callers import RefusedCallerStore
from dagstead.store.releases import ReleaseStore
from dagstead.store.requests import RequestStore
from dagstead.store.rotations import RotationStore
from dagstead.store.run_folders import RunFolders
from dagstead.store.seals import Seals
from dagstead.store.secrets import SecretStore
from dagstead.store.server_logs import ServerLogStore
from dagstead.store.sign_ins import SessionStore, SignInLinkStore
from dagstead.store.tallies import TallyStore
from dagstead.store.token_calls import TokenCallStore
from dagstead.store.token_uses import TokenUses
from dagstead.store.tokens import TokenStore
from dagstead.store.traces import TraceStore
from dagstead.store.trail import TrailStore
from dagstead.store.trust import TrustPolicyStore
from dagstead.store.vault import Vault
from dagstead.store.waits import WaitStore
from dagstead.store.workers import WorkerStore
from dagstead.store.writes import WriteStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """One store for every noun, the blobs and the bell."""

    database: Database
    clock: Clock
    deployments: DeploymentStore
    branches: BranchStore
    locations: LocationStore
    server_logs: ServerLogStore
    releases: ReleaseStore
    requests: RequestStore
    queues: QueueStore
    launches: LaunchStore
    waits: WaitStore
    noted_waits: NotedWaitStore
    refused_callers: RefusedCallerStore
    agents: AgentStore
    alert_policies: AlertPolicyStore
    alert_outbox: AlertOutbox
    alert_silences: AlertSilenceStore
    tokens: TokenStore
    rotations: RotationStore
    workers: WorkerStore
    token_calls: TokenCallStore
    queue_calls: QueueCallStore
    tallies: TallyStore
    traces: TraceStore
    numbers: NumberStore
    sessions: SessionStore
    sign_in_links: SignInLinkStore
    trust: TrustPolicyStore
    ci_logins: CiLoginStore
    writes: WriteStore
    pex_files: PexFileStore
    pushed_images: PushedImageStore
    seals: Seals
    properties: PropertyStore
    vault: Vault
    secrets: SecretStore
    leases: LeaseStore
    trail: TrailStore
    blobs: BlobStore
    run_folders: RunFolders
    disks: Disks
    histories: Histories
    bell: ProcessBell

    def close(self) -> None:
        """Send the last rings of the bell, and close all connections."""
        self.bell.close()
        self.database.close()


def open_store(
    *,
    database_url: str,
    blobs_folder: Path,
    clock: Clock,
    fence: Fence | None = None,
    keys: KeySource | None = None,
) -> Store:
    """Connect, bring the schema up to date, and open every store.

    Args:
        database_url: see :class:`Database`.
        blobs_folder: where the files are; the folders of runs are beside it, in the data folder.
        clock: what time it is.
        fence: of the leader, for the process that runs the daemons.
        keys: gives the master keys, when they are first needed; if left out, a file of our own in
            the data folder.
    """
    # A leader has to notice soon that it is cut off.
    patience = None if fence is None else Patience(answer=30.0, statement=25.0, lock=20.0)
    database = Database(database_url, fence=fence, patience=patience)
    database.migrate()
    vault = Vault(database, keys or OwnKeyFile(blobs_folder.parent / OWN_KEY_FILE))
    tokens = TokenStore(database, clock, TokenUses(database, clock))
    return Store(
        database=database,
        clock=clock,
        deployments=DeploymentStore(database, clock),
        branches=BranchStore(database),
        locations=LocationStore(database, clock),
        server_logs=ServerLogStore(database),
        releases=ReleaseStore(database, clock),
        requests=RequestStore(database, clock),
        queues=QueueStore(database, clock),
        launches=LaunchStore(database, clock),
        waits=WaitStore(database),
        noted_waits=NotedWaitStore(database, clock),
        refused_callers=RefusedCallerStore(database, clock),
        agents=AgentStore(database, clock),
        alert_policies=AlertPolicyStore(database, clock, vault),
        alert_outbox=AlertOutbox(database, clock),
        alert_silences=AlertSilenceStore(database, clock),
        tokens=tokens,
        rotations=RotationStore(database, clock),
        workers=WorkerStore(database, clock),
        token_calls=TokenCallStore(database, clock),
        queue_calls=QueueCallStore(database, clock),
        tallies=TallyStore(database, clock),
        traces=TraceStore(database, clock),
        numbers=NumberStore(database, clock),
        sessions=SessionStore(database, clock, tokens),
        sign_in_links=SignInLinkStore(database, clock),
        trust=TrustPolicyStore(database, clock),
        ci_logins=CiLoginStore(database, clock),
        writes=WriteStore(database, clock),
        pex_files=PexFileStore(database, clock),
        pushed_images=PushedImageStore(database),
        seals=Seals(clock=clock, key=vault.signing_key),
        properties=PropertyStore(database),
        vault=vault,
        secrets=SecretStore(database, clock, vault),
        leases=LeaseStore(database, clock),
        trail=TrailStore(database, clock),
        blobs=open_blobs(blobs_folder, clock=clock, signing_key=vault.signing_key),
        run_folders=RunFolders(
            pool=blobs_folder.parent / "pool" / "deployments",
            deployments=blobs_folder.parent / "deployments",
        ),
        disks=Disks(_folders(blobs_folder.parent, blobs_folder, sqlite_file(database_url))),
        histories=Histories(database=database, folder=blobs_folder.parent / "deployments"),
        bell=open_bell(database_url),
    )


def _folders(data: Path, blobs: Path, database: Path | None) -> Mapping[str, Path]:
    """Every folder that may be on a disk of its own, in the words of `dagstead status`."""
    return {
        "the data folder": data,
        **({"the database": database.parent} if database else {}),
        "uploaded files": blobs,
        "the deployments": data / "deployments",
        "the managed pool": data / "pool",
        "temporary files": Path(gettempdir()),
    }
