"""Traces of commands: only where the variables of OpenTelemetry say where to."""

from __future__ import annotations

from collections.abc import Mapping

from dagstead.plane.traces import NO_TRACER, Tracer


def tracer_of(variables: Mapping[str, str]) -> Tracer:
    """The tracer of this command.

    Args:
        variables: of the environment.
    """
    if not any(name.startswith("OTEL_EXPORTER_OTLP") for name in variables):
        return NO_TRACER
    from dagstead.server.tracing import setup

    return setup.tracer_of(variables, "dagstead-cli")
