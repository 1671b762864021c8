"""When traces are sent: only where OpenTelemetry's own variables say where to."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from dagstead.cli.tracing import tracer_of as tracer_of_command
from dagstead.plane.traces import NO_TRACER
from dagstead.server.tracing.setup import is_wanted, tracer_of

_PLACE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "mine"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {**_PLACE, "OTEL_SDK_DISABLED": "TRUE"},
        {**_PLACE, "OTEL_TRACES_EXPORTER": "none"},
        {**_PLACE, "OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_it_is_off(variables: Mapping[str, str]) -> None:
    assert not is_wanted(variables)
    assert tracer_of(variables, "dagstead") is NO_TRACER
    assert tracer_of_command(variables) is NO_TRACER


def test_another_protocol_is_refused_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tracer = tracer_of({**_PLACE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "dagstead")
    assert tracer is NO_TRACER
    assert "the protocol grpc is not offered" in caplog.text


@pytest.mark.parametrize(
    "variables",
    [
        _PLACE,
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"},
        {**_PLACE, "OTEL_TRACES_EXPORTER": "console,otlp"},
        {**_PLACE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    ],
)
def test_it_is_wanted(variables: Mapping[str, str]) -> None:
    assert is_wanted(variables)
