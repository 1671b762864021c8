"""What a console has to show: deployments with all sorts of things in them, also broken ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.plane.agents import Heartbeat
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.deployments import Branch
from dagstead.plane.locations import NewLocation
from dagstead.plane.releases import NewRelease
from dagstead.plane.roles import Role, Roles
from dagstead.plane.secrets import SecretKind, SecretTarget
from dagstead.plane.server_logs import ServerLog
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from tests.support.alert_policies import entry_of, sync
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster

#: A name that nobody should see as anything but letters.
HOSTILE = "<img src=x onerror=alert(1)>'\"&amp; }}{{7*7}}"

_COMMITS = ("4f1c2a9be07d11c5", "9b30d7724ac1e8f0", "c07e55d1f6a2b349")
_LONG_NAME = "marketing_attribution_models_and_reports_daily"
_FRAMES = (
    """  File "/usr/lib/python3.12/importlib/__init__.py", line 90, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
""",
    """  File "/app/warehouse/definitions.py", line 3, in <module>
    from warehouse.resources import snowflake
""",
    """  File "/app/warehouse/resources.py", line 1, in <module>
    import snowflake_connector
""",
)
_ERROR: Mapping[str, Any] = {
    "__class__": "SerializableErrorInfo",
    "message": "dagster._core.errors.DagsterImportError: Encountered ImportError\n",
    "stack": list(_FRAMES[:1]),
    "cls_name": "DagsterImportError",
    "context": None,
    "cause": {
        "__class__": "SerializableErrorInfo",
        "message": "ModuleNotFoundError: No module named 'snowflake_connector'\n",
        "stack": list(_FRAMES),
        "cls_name": "ModuleNotFoundError",
        "cause": None,
        "context": None,
    },
}


@dataclass(frozen=True, slots=True)
class ConsoleScene:
    """Fills a store."""

    store: Store
    #: The location of prod whose code server is gone, if one is.
    lost: str | None = None

    def break_more(self) -> None:
        """Pause a queue, and lose a code server that has printed its last words."""
        control = control_without_dagster(self.store)
        control.queues.pause(COMMAND_LINE, "hybrid", "Migration of the cluster", None)
        now = self.store.clock()
        words = ("Reading the grid of 214 stations", "Fatal: out of memory", "Killed")
        self.store.server_logs.put(
            "prod",
            str(self.lost),
            ServerLog(
                server="a", started_at=now - 900, ended_at=now - 60, lines=words, is_cut=True
            ),
        )
        self.beat()

    def fill(self) -> None:
        """Two deployments and a branch, healthy things and broken ones."""
        store = self.store
        for name in ("prod", "staging"):
            if name not in {each.name for each in store.deployments.all()}:
                store.deployments.create(name)
            store.deployments.set_settings(name, {"releases": {"unserved_queue": "wait"}})
        self._agents()
        self._prod()
        self.release("staging", ("weather",), commit=_COMMITS[2])
        self._branch()
        self._secrets()

    def alerts(self) -> None:
        """Alert policies, what fires for them, and messages that do not arrive."""
        control = control_without_dagster(self.store)
        hook = {"webhook": {"webhook_url": "https://alerts.invalid/hook/t0ken"}}
        mail = {"email": {"email_addresses": ["on-call@example.com"]}}
        policies = [
            entry_of("on-call", "AGENT_UNAVAILABLE", notification_service=mail),
            entry_of("failed loads", "CODE_LOCATION_ERROR", notification_service=hook),
            entry_of(HOSTILE, "JOB_FAILURE", notification_service=hook),
        ]
        sync(control, *policies, kind=AlertDocument.OFFICIAL)
        sync(control, entry_of("late runs", "LONGEST_WAIT_EXCEEDED", enabled=False))
        prod = self.store.deployments.get("prod")
        now = self.store.clock()
        control.alert_watch.look(SYSTEM)
        control.alerts.silence(
            COMMAND_LINE, prod, "failed loads", now + 7200, "Moving the registry"
        )
        control.alerts.test(COMMAND_LINE, prod, HOSTILE)

    def beat(self) -> None:
        """Have the agents that are there send a heartbeat."""
        tokens = {token.name: token.id for token in self.store.tokens.all()}
        servers = [
            ServerReport(location=name, state=ServerState.RUNNING)
            for name in ("weather", "forecasts")
            if name != self.lost
        ]
        if self.lost is not None:
            error = "The code server ended with code -9, and does not start again."
            servers.append(ServerReport(location=self.lost, state=ServerState.FAILED, error=error))
        pool, eu = tokens["managed pool"], tokens["eu agents"]
        self.store.agents.record(
            [
                self._beat("pool-1", pool, {None}, label="managed pool", servers=tuple(servers)),
                self._beat("eu-7f3a", eu, {"eu", "hybrid"}, label="eu-west", type_="K8s"),
            ]
        )

    def release(
        self, deployment: str, names: tuple[str, ...], *, commit: str, fails: str | None = None
    ) -> None:
        """Deploy locations, which load, or one of which does not."""
        release, _ = self.store.releases.begin(
            deployment,
            NewRelease(
                locations=[location_of(name, commit) for name in names],
                commit_hash=commit,
                url="https://github.com/acme/data/actions/runs/17",
                by="ci of acme/data",
            ),
        )
        for part in release.parts:
            if part.name == fails:
                continue
            self.store.releases.set_loaded(
                deployment, part.name, deploy_id=part.deploy_id, manifest="{}"
            )
        if fails is not None:
            failing = next(part for part in release.parts if part.name == fails)
            self.store.releases.set_failed(
                deployment, fails, deploy_id=failing.deploy_id, error=json.dumps(_ERROR)
            )

    def _prod(self) -> None:
        names = ("weather", "forecasts", "warehouse", "digits")
        self.release("prod", names, commit=_COMMITS[0])
        self.release("prod", (_LONG_NAME,), commit=_COMMITS[0])
        self.release("prod", names, commit=_COMMITS[1])
        # Of a queue that nobody serves any more.
        self.release("prod", ("training", "embeddings"), commit=_COMMITS[1])
        self.release("prod", ("weather", "warehouse"), commit=_COMMITS[2], fails="warehouse")
        # Its only load has failed.
        self.release("prod", ("invoices",), commit=_COMMITS[2], fails="invoices")

    def _branch(self) -> None:
        branch = Branch(
            repo_name="acme/data",
            branch_name="faster-forecasts",
            pull_request_url="https://github.com/acme/data/pull/214",
            pull_request_number="214",
            pull_request_status="OPEN",
            commit_hash=_COMMITS[2],
            commit_message="Read the grid once, not for each station",
            author_name="Grace Hopper",
        )
        made = self.store.deployments.create_or_update_branch(branch, "prod")
        self.release(made.name, ("forecasts",), commit=_COMMITS[2])

    def _agents(self) -> None:
        now = self.store.clock()
        everywhere = Grant()
        self._token("managed pool", TokenKind.POOL, Grant(queues=[None]))
        self._token("eu agents", TokenKind.AGENT, everywhere)
        gpu = self._token("gpu cluster", TokenKind.AGENT, Grant(queues=["gpu"]))
        self._token("ada", TokenKind.USER, Grant(expires_at=now + 80 * 86400.0))
        self._token("grace (viewer)", TokenKind.USER, Grant(roles=Roles(default=Role.VIEWER)))
        revoked = self._token("an old laptop", TokenKind.USER, Grant())
        self.store.tokens.revoke(revoked)
        self.beat()
        before = now - 3 * 3600
        self.store.agents.record(
            [self._beat("gpu-01", gpu, {"gpu"}, label="gpu-cluster", type_="K8s", at=before)]
        )

    def _secrets(self) -> None:
        secrets = control_without_dagster(self.store).secrets
        for name, kinds, locations in (
            ("SNOWFLAKE_PASSWORD", {SecretKind.FULL}, {"warehouse"}),
            ("SLACK_TOKEN", {SecretKind.FULL, SecretKind.BRANCHES}, set[str]()),
            ("API_KEY", {SecretKind.LOCAL}, set[str]()),
        ):
            target = SecretTarget(
                kinds=frozenset(kinds), deployment="prod", locations=frozenset(locations)
            )
            secrets.set(COMMAND_LINE, name, "hunter2", target)

    def _token(self, name: str, kind: TokenKind, grant: Grant) -> int:
        return self.store.tokens.create(name, kind, f"{kind}:{name}", grant).id

    def _beat(
        self,
        agent_id: str,
        token_id: int,
        queues: set[str | None],
        *,
        label: str,
        type_: str = "",
        at: float | None = None,
        servers: tuple[ServerReport, ...] = (),
    ) -> Heartbeat:
        moment = self.store.clock() if at is None else at
        return heartbeat_of(
            *queues,
            now=moment,
            agent_id=agent_id,
            token_id=token_id,
            label=label,
            type=f"{type_ or 'Process'}UserCodeLauncher",
            branch_deployments=True,
            servers=servers,
        )


_QUEUES = {"training": "gpu", "embeddings": "gpu", "warehouse": "eu", "invoices": "eu"}
_IMAGES = {
    "warehouse": "ghcr.io/acme/warehouse:2026.11@sha256:" + "7c1e0b" * 10 + "a4f2",
    "training": "ghcr.io/acme/training:latest",
    "embeddings": "ghcr.io/acme/training:latest",
    "invoices": "ghcr.io/acme/invoices:14",
}


def location_of(name: str, commit: str) -> NewLocation:
    """A location as CI deploys it from a commit."""
    document: dict[str, Any] = {
        "location_name": name,
        "code_source": {"module_name": f"{name[:20]}.definitions"},
        "git": {"commit_hash": commit, "url": f"https://github.com/acme/data/tree/{commit}"},
    }
    document |= _artifact(name, commit)
    queue = _QUEUES.get(name)
    if queue is not None:
        document["agent_queue"] = queue
    return NewLocation(
        name=name,
        document=document,
        deploy_data="{}",
        deploy_id=f"{name[:20]}-{commit[:6]}",
        queue=queue,
    )


def _artifact(name: str, commit: str) -> Mapping[str, Any]:
    image = _IMAGES.get(name)
    if image is not None:
        return {"image": image}
    tag = f"files=source-{commit[:8]}.pex:deps-77ab31.pex"
    return {"pex_metadata": {"pex_tag": tag, "python_version": "3.12"}}
