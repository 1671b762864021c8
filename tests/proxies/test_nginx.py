"""Everything works behind nginx, configured as the book says, with TLS.

Around that configuration nginx has the shortest time-outs and the smallest bodies: what the book
leaves out fails here.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from dagster import Definitions, job
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApiErrorResponse
from dagster_shared.error import SerializableErrorInfo
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from dagstead.control.snapshots import Snapshots
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import Claim
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.services import open_instances
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store
from dagstead.testing import eventually
from tests.support.certificates import Certificate, certificate_of
from tests.support.debian import nginx
from tests.support.environments import REPOSITORY
from tests.support.ports import free_port
from tests.support.releases import deploy, new_location
from tests.support.served import PromptServer, app_of, served
from tests.support.stored_definitions import stored_manifest
from tests.support.stores import empty_store

NAME = "localhost"
#: Around the book's configuration, in seconds and bytes.
SHORT_SECONDS = 1
SMALL_BODY = "1k"
#: Longer than any time-out but those of the book.
HELD_SECONDS = 2.5
MEBIBYTE = 1024 * 1024

AGENT = Claim(
    token_id=2, deployments=frozenset({"prod"}), branch_deployments=False, queues=frozenset({None})
)
PLAN = """{
  executionPlanOrError(
    pipeline: {
      repositoryName: "__repository__", repositoryLocationName: "weather", pipelineName: "nothing"
    }
    mode: "default"
  ) { __typename ... on PythonError { message } }
}"""
NO_PLAN = serialize_value(
    DagsterCloudApiErrorResponse(
        error_infos=[SerializableErrorInfo(message="nothing to do today", stack=[], cls_name=None)]
    )
)
LARGE = 16 * MEBIBYTE


@job
def nothing() -> None:
    """A job that nobody starts."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The server, nginx in front of it, and who signs in."""

    url: str
    store: Store
    secret: str
    agent_secret: str
    certificate: Certificate
    #: Where nginx would keep bodies that it does not pass on at once.
    temporary: Path
    spool: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate.file))

    def client(self, secret: str | None = None) -> httpx.Client:
        headers = {} if secret is None else {TOKEN_HEADER: secret}
        return httpx.Client(
            base_url=self.url, verify=self.trust, headers=headers, trust_env=False, timeout=120
        )

    def socket(self, **headers: str) -> ClientConnection:
        return connect(
            self.url.replace("https", "wss", 1) + "/prod/graphql",
            ssl=self.trust,
            subprotocols=[Subprotocol("graphql-ws")],
            origin=Origin(self.url),
            additional_headers=headers,
            compression=None,
            proxy=None,
        )


def configuration(folder: Path, certificate: Certificate, port: int, upstream: int) -> str:
    """The book's configuration, with the ports and files of this test."""
    page = (REPOSITORY / "docs/operate/proxy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for given, ours in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name dagstead.example.com;": f"server_name {NAME};",
        "/etc/ssl/dagstead.pem": str(certificate.file),
        "/etc/ssl/dagstead.key": str(certificate.key),
        "server 127.0.0.1:3000;": f"server 127.0.0.1:{upstream};",
    }.items():
        assert block.count(given) == 1, given
        block = block.replace(given, ours)
    folders = "\n".join(
        f"{kind}_temp_path {folder / 'kept'};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors info;
        events {{ worker_connections 100; }}
        http {{
          access_log off; {folders}
          proxy_read_timeout {SHORT_SECONDS}s; proxy_send_timeout {SHORT_SECONDS}s;
          client_body_timeout {SHORT_SECONDS}s; client_max_body_size {SMALL_BODY};
          {block}
        }}
    """


@contextmanager
def in_front(folder: Path, certificate: Certificate, port: int, upstream: int) -> Iterator[None]:
    """nginx, until the end of the block."""
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, certificate, port, upstream), encoding="utf-8")
    command = [str(nginx()), "-c", str(file), "-e", str(folder / "errors")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            eventually(lambda: _listens(port), 30, "nginx to listen", retry_on=(OSError,))
            yield
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port)).close()
    return True


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    data = folder / "data"
    data.mkdir()
    port = free_port()
    url = f"https://{NAME}:{port}"
    certificate = certificate_of(NAME, folder, time.time())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = listener.getsockname()[1]
        flags = {"data": data, "port": upstream, "public_url": url}
        settings = load_settings(flags, environment={}).settings
        store = empty_store(data, time.time, file="dagstead.db")
        store.deployments.create("prod")
        secrets = []
        for kind in (TokenKind.USER, TokenKind.AGENT):
            secrets.append(new_secret(kind, settings.organization))
            store.tokens.create(f"a {kind}", kind, secrets[-1], Grant())
        instances = open_instances(settings, store)
        app = app_of(settings, instances, environment={})
        with (
            served(PromptServer(server_config(settings, app)), listener),
            in_front(folder, certificate, port, upstream),
        ):
            yield Site(
                url=url,
                store=store,
                secret=secrets[0],
                agent_secret=secrets[1],
                certificate=certificate,
                temporary=folder / "kept",
                spool=data / "uploads",
            )
        instances.close()
        store.close()


def quiet_for(seconds: float) -> None:
    """Let time pass in which nothing happens: that is what is tried."""
    start = time.monotonic()
    eventually(lambda: time.monotonic() - start >= seconds, 60, "the time to pass")


def test_a_browser_signs_in_over_tls_and_its_cookie_is_for_tls_only(site: Site) -> None:
    with site.client() as browser:
        page = browser.get("/prod/runs", headers={"accept": "text/html"})
        assert page.headers["location"].startswith("/sign-in?next=")
        answer = browser.post("/sign-in", data={"token": site.secret}, headers={"origin": site.url})
        assert answer.status_code == 303, answer.text
        assert answer.headers["set-cookie"].startswith("__Host-")
        assert "Secure" in answer.headers["set-cookie"]
        opened = browser.get("/prod/runs", headers={"accept": "text/html"})
        assert opened.status_code == 200
        assert opened.headers["strict-transport-security"]


def test_the_address_of_a_caller_is_its_own(site: Site) -> None:
    with site.client(site.secret) as caller:
        assert caller.get("/prod/server_info").status_code == 200
    (token, *_) = site.store.tokens.all()
    assert token.used_from is not None
    assert [use.address for use in token.used_from] == ["127.0.0.1"]


def test_a_websocket_stays_open_while_nothing_happens(site: Site) -> None:
    query = 'subscription { capturedLogs(logKey: ["a", "b"]) { cursor } }'
    with site.socket(**{TOKEN_HEADER: site.secret}) as opened:
        opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(opened.recv(timeout=60)) == {"type": "connection_ack"}
        opened.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
        assert json.loads(opened.recv(timeout=60))["type"] == "data"
        quiet_for(HELD_SECONDS)
        opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(opened.recv(timeout=60)) == {"type": "connection_ack"}


def test_a_large_file_is_passed_on_and_not_kept(site: Site) -> None:
    offer = Snapshots(site.store.blobs, "prod").offer("large")

    def pieces() -> Iterator[bytes]:
        for number in range(LARGE // MEBIBYTE):
            if number == 2:
                # The server has the first ones while the rest is still to come.
                eventually(lambda: _size(site.spool) > 0, 30, "the first bytes at the server")
                assert _size(site.temporary) == 0
            yield bytes(MEBIBYTE)

    with site.client() as caller:
        answer = caller.put(offer.address, content=pieces(), headers={"content-length": str(LARGE)})
    assert answer.status_code < 300, answer.text


def test_a_slow_upload_goes_on_after_a_pause(site: Site) -> None:
    offer = Snapshots(site.store.blobs, "prod").offer("slow")

    def pieces() -> Iterator[bytes]:
        yield b"a" * 1024
        quiet_for(HELD_SECONDS)
        yield b"b" * 1024

    with site.client() as caller:
        answer = caller.put(offer.address, content=pieces(), headers={"content-length": "2048"})
    assert answer.status_code < 300, answer.text


def test_an_answer_may_take_its_time(site: Site) -> None:
    """A page that waits for an agent to evaluate code."""
    deploy(site.store, "prod", [new_location("weather")])
    manifest = stored_manifest(site.store, "prod", Definitions(jobs=[nothing]))
    site.store.releases.set_loaded("prod", "weather", deploy_id="1", manifest=manifest)
    site.store.token_calls.polled(AGENT.token_id)
    with ThreadPoolExecutor(1) as pool, site.client(site.secret) as caller:
        start = time.monotonic()
        waiting = pool.submit(caller.post, "/prod/graphql", json={"query": PLAN})
        (question,) = eventually(
            lambda: site.store.requests.open(ORGANIZATION), 30, "the question at the agent"
        )
        quiet_for(HELD_SECONDS)
        site.store.requests.pop(AGENT)
        site.store.requests.answer("prod", question.id, NO_PLAN, by=AGENT.token_id)
        answer = waiting.result(120)
    assert time.monotonic() - start > HELD_SECONDS
    assert answer.status_code == 200, answer.text
    assert "nothing to do today" in answer.text


def test_agents_poll_over_one_connection(site: Site) -> None:
    query = """query Poll($queues: [String]) {
        userCloudAgent { popUserCloudAgentRequests(
            limit: 1, forBranchDeployments: false,
            forFullDeployments: ["prod"], agentQueues: $queues
        ) { requestId } } }"""
    with site.client(site.agent_secret) as agent:
        for _ in range(3):
            answer = agent.post("/graphql", json={"query": query, "variables": {"queues": [None]}})
            assert answer.status_code == 200, answer.text
            assert "errors" not in answer.json(), answer.text


def _size(folder: Path) -> int:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
