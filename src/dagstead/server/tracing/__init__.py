"""Traces over OpenTelemetry; off unless its own variables say where to."""
