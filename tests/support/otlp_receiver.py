"""A collector of traces: it takes OTLP over HTTP, and decodes the protobuf."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A span as it came."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    seconds: float
    attributes: dict[str, Any]
    #: The message of its error; empty if it has none.
    error: str


@dataclass(slots=True)
class OtlpReceiver:
    """Listens on a free port while the context is open."""

    _spans: list[ReceivedSpan] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What has a program send its traces here, soon."""
        assert self._server is not None
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    def trace_of(self, name: str, **attributes: object) -> list[ReceivedSpan]:
        """All spans of the trace that has a span of this name and these attributes."""
        spans = self.spans
        found = {
            span.trace
            for span in spans
            if span.name == name and attributes.items() <= span.attributes.items()
        }
        assert len(found) <= 1, found
        return [span for span in spans if span.trace in found]

    @property
    def spans(self) -> list[ReceivedSpan]:
        """All that have come."""
        with self._lock:
            return list(self._spans)

    def take(self, path: str, body: bytes) -> int:
        """Keep what was sent; the status of the answer."""
        if path != "/v1/traces":
            return 404
        export = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for group in export.resource_spans:
                resource = {each.key: each.value.string_value for each in group.resource.attributes}
                self._spans += [
                    _received(span, resource.get("service.name", ""))
                    for scope in group.scope_spans
                    for span in scope.spans
                ]
        return 200

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                self.send_response(receiver.take(self.path, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


def _received(span: Any, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        service=service,
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        attributes={each.key: _value(each.value) for each in span.attributes},
        error=span.status.message if span.status.code else "",
    )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
