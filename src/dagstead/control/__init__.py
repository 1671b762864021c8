"""What the control plane does: acts, and the views that all readers share.

An act takes an actor, does one thing, commits, and then publishes its changes once. A view computes
a state for all that show it: pages, commands and metrics. Acts ask for what only Dagster can do
through one port, :class:`~dagstead.control.orchestration.Orchestration`.
"""
