"""Whether traces are collected, by the variables that OpenTelemetry has for that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec

from dagstead.plane.traces import NO_TRACER, Tracer

logger = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OFFERED = "http/protobuf"
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def tracer_of(variables: Mapping[str, str], service: str) -> Tracer:
    """The tracer of a process.

    Args:
        variables: of the environment.
        service: its name, unless OTEL_SERVICE_NAME gives another one.
    """
    if not is_wanted(variables):
        return NO_TRACER
    reason = _why_not(variables)
    if reason is not None:
        logger.warning("No traces are sent: %s", reason)
        return NO_TRACER
    from dagstead.server.tracing.otel import OtelTracer  # noqa: PLC0415 - an extra, and slow

    return OtelTracer.of(service)


def is_wanted(variables: Mapping[str, str]) -> bool:
    """Whether the environment says where traces are to go."""
    is_off = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporters = variables.get("OTEL_TRACES_EXPORTER", "otlp").split(",")
    has_place = any(variables.get(name) for name in _ENDPOINTS)
    return has_place and not is_off and "otlp" in map(str.strip, exporters)


def _why_not(variables: Mapping[str, str]) -> str | None:
    protocol = next((variables[name] for name in _PROTOCOLS if variables.get(name)), _OFFERED)
    if protocol != _OFFERED:
        return f"the protocol {protocol} is not offered. Set {_PROTOCOLS[1]}={_OFFERED}."
    if not all(map(_is_installed, _NEEDED)):
        return "OpenTelemetry is not installed. Install it with: pip install 'dagstead[traces]'"
    return None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
