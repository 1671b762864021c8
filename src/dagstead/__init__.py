"""Dagstead: an open, self-hosted control plane for the official Dagster+ agents and CLI."""

__version__ = "0.1.0"
