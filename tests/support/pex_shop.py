"""The smallest part of a control plane that a code server of the pool needs to start.

A stub, named as such: it hands out PEX files as the real server does, answers what a code
server asks while it starts, and can be told to misbehave.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: A code server asks for its secrets and for the state of its components.
_NOTHING: dict[str, Any] = {"deployments": [], "scopedSecrets": [], "latestDefsStateInfo": None}


@dataclass(kw_only=True)
class PexShop:
    """What the stub has, what it was asked, and how it misbehaves."""

    shelf: Path
    url: str = ""
    #: The headers and the key of each question for a file, in order.
    asked: list[tuple[dict[str, str], str]] = field(default_factory=list)
    #: The processes that tokens were made for, each with the number of its token.
    minted: list[dict[str, Any]] = field(default_factory=list)
    #: What was said of processes that run.
    reports: list[dict[str, Any]] = field(default_factory=list)
    #: The token of each GraphQL call.
    tokens: list[str] = field(default_factory=list)
    #: How many of the next answers are HTTP 503.
    failures: int = 0
    #: How many bytes to leave out at the end of files, while announcing all of them.
    cut_bytes: int = 0
    #: Sent beside the address.
    sha256: str | None = None

    def fails_now(self) -> bool:
        """Use up one of the failures."""
        self.failures -= 1
        return self.failures >= 0


@contextmanager
def pex_shop(shelf: Path) -> Iterator[PexShop]:
    """Serve the files of a folder on a free port of this machine."""
    shop = PexShop(shelf=shelf)

    handler = type("Handler", (_Handler,), {"shop": shop})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    shop: PexShop

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/graphql":
            self.shop.tokens.append(self.headers["Dagster-Cloud-Api-Token"])
            self._answer(200, json.dumps({"data": _NOTHING}).encode())
            return
        if self.path == "/worker_tokens":
            number = len(self.shop.minted) + 1
            deployment = self.headers["Dagster-Cloud-Deployment"]
            self.shop.minted.append({**body, "deployment": deployment, "id": number})
            made = {"id": number, "token": f"worker:org:{number}"}
            self._answer(200, json.dumps(made).encode())
            return
        self.shop.asked.append((dict(self.headers), body["key"]))
        name = body["key"].removeprefix("pex/")
        if self.shop.fails_now():
            self._answer(503, b"")
        elif not (self.shop.shelf / name).is_file():
            self._answer(404, b"{}")
        else:
            answer = {"url": f"{self.shop.url}/blob/{name}", "sha256": self.shop.sha256}
            self._answer(200, json.dumps(answer).encode())

    def do_PUT(self) -> None:
        self.shop.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(200, b"{}")

    def do_GET(self) -> None:
        content = (self.shop.shelf / self.path.removeprefix("/blob/")).read_bytes()
        self._answer(200, content[: len(content) - self.shop.cut_bytes], len(content))

    def _answer(self, status: int, body: bytes, announced: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - upstream's
        pass
