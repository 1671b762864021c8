"""Makes requests from a seed: every path, method, kind of caller, header and body, mixed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from starlette.routing import BaseRoute, Mount, Route

from tests.support.fuzz.documents import AgentRequests, OperatorRequests
from tests.support.fuzz.odd_values import as_json, garbled, packed, text, value
from tests.support.fuzz.wire import Sent, frame

TOKEN_HEADER = "Dagster-Cloud-Api-Token"
DEPLOYMENT_HEADER = "Dagster-Cloud-Deployment"

#: Of agents, with the names of the files that they send.
_FILES = {
    "/upload_workspace_entry": "workspace_entry.tmp",
    "/upload_job_snapshot": "job.tmp",
    "/upload_api_response": "api_response.tmp",
    "/store_events": "store_events.tmp",
}
_METHODS = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "QUERY"]
_TYPES = [
    b"application/json",
    b"application/graphql",
    b"text/plain",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"multipart/form-data; boundary=x",
    b"application/json; charset=utf-16",
    b"",
]
_CLASSES = [
    "StoreEventBatchRequest",
    "EventLogEntry",
    "DagsterCloudUploadWorkspaceEntry",
    "DagsterCloudUploadApiResponse",
    "BatchDagsterCloudUploadApiResponse",
    "SnapshotUploadData",
    "DagsterCloudCodeLocationUpdateResult",
    "JobSnap",
    "RepositorySnap",
]
_RAW = [
    b"",
    b"\0" * 100,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\n\r\n",
    b"CONNECT example.com:1 HTTP/1.1\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /oidc/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"POST /oidc/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /oidc/token HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"GET /health HTTP/1.1\r\n\r\n" * 50,
    b"GET /health HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"GET /prod/graphql HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Makes them, one after another."""

    random: Random
    #: Tokens by the names of their holders; an empty one is none.
    callers: Mapping[str, str]
    paths: Sequence[str]
    operator: OperatorRequests
    agent: AgentRequests

    def make(self, number: int) -> Sent:
        """The next one."""
        makers: list[tuple[float, Callable[[int], Sent]]] = [
            (0.30, self._operator_graphql),
            (0.25, self._agent_graphql),
            (0.15, self._file),
            (0.03, self._socket),
            (0.04, self._raw),
            (0.23, self._anything),
        ]
        [make] = self.random.choices([m for _, m in makers], [w for w, _ in makers])
        return make(number)

    def _sent(
        self,
        number: int,
        method: str,
        path: str,
        *,
        caller: str | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        body: bytes = b"",
    ) -> Sent:
        caller = caller or self.random.choice(sorted(self.callers))
        own: list[tuple[str, bytes]] = [("Host", b"127.0.0.1"), ("Connection", b"close")]
        if self.callers[caller]:
            own.append((TOKEN_HEADER, self.callers[caller].encode()))
        if self.random.random() < 0.9:
            own.append((DEPLOYMENT_HEADER, self._deployment()))
        if self.random.random() < 0.1:
            own.append(("Idempotency-Key", _header(text(self.random))))
        if body or method != "GET":
            own.append(("Content-Length", str(len(body)).encode()))
        return Sent(
            number=number,
            caller=caller,
            method=method,
            path=path,
            headers=(*own, *headers),
            body=body,
        )

    def _deployment(self) -> bytes:
        return b"prod" if self.random.random() < 0.85 else _header(text(self.random))

    def _likely(self, *callers: str) -> str | None:
        """One of those who get furthest, mostly."""
        return self.random.choice(callers) if self.random.random() < 0.85 else None

    def _operator_graphql(self, number: int) -> Sent:
        body = self._damaged(as_json(self.random, self.operator.make()))
        return self._sent(
            number,
            "POST",
            self.random.choice(["/prod/graphql", "/graphql"]),
            caller=self._likely("user", "user of prod"),
            headers=[("Content-Type", b"application/json")],
            body=body,
        )

    def _agent_graphql(self, number: int) -> Sent:
        return self._sent(
            number,
            "POST",
            "/graphql",
            caller=self._likely("agent", "agent of a queue"),
            headers=[("Content-Type", b"application/json")],
            body=self._damaged(as_json(self.random, self.agent.make())),
        )

    def _damaged(self, body: bytes) -> bytes:
        return garbled(self.random, body) if self.random.random() < 0.1 else body

    def _file(self, number: int) -> Sent:
        path = self.random.choice(sorted(_FILES))
        name = _FILES[path] if self.random.random() < 0.9 else "another.tmp"
        content = packed(self.random, self._damaged(as_json(self.random, self._packed_value())))
        body = (
            b'--x\r\nContent-Disposition: form-data; name="'
            + name.encode()
            + b'"; filename="f\0"\r\n\r\n'
            + content
            + b"\r\n--x--\r\n"
        )
        return self._sent(
            number,
            "POST" if path == "/store_events" else "PUT",
            path,
            caller=self._likely("agent"),
            headers=[("Content-Type", b"multipart/form-data; boundary=x")],
            body=self._damaged(body),
        )

    def _packed_value(self) -> object:
        names = ["event_log_entries", "location_name", "request_id", "run_id", "batch", "sha1"]
        names += ["timestamp", "level", "user_message", "dagster_event", "type", "format", "id"]
        chosen = self.random.sample(names, self.random.randrange(len(names)))
        fields = {name: value(self.random) for name in chosen}
        if self.random.random() < 0.5:
            fields["event_log_entries"] = [_entry(self.random)]
        return {"__class__": self.random.choice(_CLASSES), **fields}

    def _socket(self, number: int) -> Sent:
        sent = self._sent(
            number,
            "GET",
            "/prod/graphql",
            caller=self._likely("user"),
            headers=[
                ("Upgrade", b"websocket"),
                ("Sec-WebSocket-Key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
                ("Sec-WebSocket-Version", b"13"),
                ("Sec-WebSocket-Protocol", b"graphql-ws"),
            ],
        )
        headers = tuple(
            ("Connection", b"upgrade") if name == "Connection" else (name, given)
            for name, given in sent.headers
        )
        messages = tuple(self._message() for _ in range(self.random.randint(1, 5)))
        return Sent(
            number=number,
            caller=sent.caller,
            method="GET",
            path=sent.path,
            headers=headers,
            messages=messages,
        )

    def _message(self) -> bytes:
        query = 'subscription { pipelineRunLogs(runId: "x") { __typename } }'
        start = {"type": "start", "id": "1", "payload": {"query": query}}
        said = self.random.choice(
            [
                {"type": "connection_init"},
                start,
                {**start, "id": value(self.random)},
                {**start, "payload": value(self.random)},
                {**start, "payload": {"query": query, "variables": value(self.random)}},
                {"type": "stop", "id": value(self.random)},
                {"type": value(self.random)},
                value(self.random),
            ]
        )
        opcode = 1 if self.random.random() < 0.9 else self.random.choice([0, 2, 3, 9, 10])
        return frame(self._damaged(as_json(self.random, said)), opcode=opcode)

    def _raw(self, number: int) -> Sent:
        raw = self.random.choice(_RAW)
        if self.random.random() < 0.3:
            raw = garbled(self.random, raw)
        return Sent(number=number, caller="none", method="", path="", raw=raw)

    def _anything(self, number: int) -> Sent:
        path = self.random.choice(self.paths)
        while "{" in path:
            before, _, rest = path.partition("{")
            path = before + self._segment() + rest.partition("}")[2]
        if self.random.random() < 0.4:
            path += "?" + "&".join(self._parameter() for _ in range(self.random.randint(1, 4)))
        body = b""
        if self.random.random() < 0.6:
            body = self._damaged(as_json(self.random, self._fields()))
        return self._sent(
            number,
            self.random.choices(_METHODS, [8, 8, 4, 1, 1, 1, 1, 1, 1])[0],
            path,
            headers=[
                ("Content-Type", self.random.choice(_TYPES)),
                ("Accept", self.random.choice([b"*/*", b"text/html", b"application/json"])),
            ],
            body=body,
        )

    def _fields(self) -> object:
        names = ["asset_key", "metadata", "partition", "description", "passed", "check_name"]
        names += ["severity", "key", "token", "deployment", "query", "variables", "data_version"]
        names += ["__class__", "sha1", "id", "type", "format", "uri"]
        chosen = self.random.sample(names, self.random.randrange(6))
        return {name: value(self.random) for name in chosen}

    def _segment(self) -> str:
        return quote(text(self.random)[:300].encode("utf-8", "replace"), safe="/")

    def _parameter(self) -> str:
        names = ["query", "variables", "run_id", "log_key", "key", "io_type", "type", "sha1"]
        names += ["asset_key", "metadata", "passed", "next", "path", "repoLocName", "size"]
        said = quote(text(self.random)[:2000].encode("utf-8", "replace"))
        return f"{self.random.choice(names)}={said}"


def _header(said: str) -> bytes:
    """As much of a text as a header may have."""
    return said.encode("utf-8", "replace").translate(None, b"\r\n\0")[:200]


def _entry(random: Random) -> object:
    return {
        "__class__": "EventLogEntry",
        "error_info": None,
        "level": random.choice([20, -1, 10**20]),
        "user_message": text(random),
        "run_id": text(random),
        "timestamp": random.choice([0.0, 1e300, -1.0, 1700000000.0]),
        "step_key": random.choice([None, text(random)]),
        "job_name": random.choice([None, text(random)]),
        "dagster_event": None,
    }


def paths_of(routes: Sequence[BaseRoute], before: str = "") -> list[str]:
    """The paths of an application, with their parameters in braces."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += paths_of(route.routes or [], before + route.path)
        elif isinstance(route, Route):
            found.append(before + route.path)
    return found


def repeatable(sent: Sent) -> str:
    """A request as somebody would look at it."""
    body = sent.body[:600]
    headers = {name: given.decode("latin-1") for name, given in sent.headers}
    return json.dumps(
        {
            "number": sent.number,
            "caller": sent.caller,
            "call": f"{sent.method} {sent.path[:300]}",
            "headers": {k: v for k, v in headers.items() if k != TOKEN_HEADER},
            "body": repr(body),
            "raw": repr(sent.raw)[:300],
            "messages": repr(sent.messages)[:600],
        }
    )
