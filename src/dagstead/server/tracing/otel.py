"""Spans, sent with OpenTelemetry over OTLP/HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dagstead import __version__
from dagstead.plane.traces import Span

_PROPAGATOR = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class OtelTracer:
    """Reports spans in the background; at the end of the process it sends the last ones."""

    provider: TracerProvider
    tracer: trace.Tracer
    is_on: bool = True

    @classmethod
    def of(cls, service: str) -> Self:
        """A tracer as the environment says: where to, which share, with which attributes."""
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
        resource = Resource.create({**named, "service.version": __version__})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider=provider, tracer=provider.get_tracer("dagstead", __version__))

    def current(self) -> str | None:
        """The span that this is done in, as ``traceparent``."""
        return _written(None)

    def record(self, span: Span, parent: str | None) -> str | None:
        """Report a span that is over."""
        started = self.tracer.start_span(
            span.name,
            context=_context(parent),
            attributes=dict(span.attributes),
            start_time=_nanoseconds(span.began_at),
        )
        if span.error is not None:
            started.set_status(StatusCode.ERROR, span.error)
        started.end(_nanoseconds(max(span.began_at, span.ended_at)))
        return _written(trace.set_span_in_context(started))

    @contextmanager
    def during(
        self, name: str, parent: str | None = None, **attributes: str | int
    ) -> Iterator[object]:
        """Report what is done in the block; an exception is a part of that."""
        context = None if parent is None else _context(parent)
        with self.tracer.start_as_current_span(
            name, context=context, attributes=dict(attributes)
        ) as span:
            yield span


def _context(parent: str | None) -> Context:
    """The context of a span; a text that is none gives the beginning of another trace."""
    carrier = {} if parent is None else {"traceparent": parent}
    return _PROPAGATOR.extract(carrier, context=Context())


def _written(context: Context | None) -> str | None:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context=context)
    return carrier.get("traceparent")


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
