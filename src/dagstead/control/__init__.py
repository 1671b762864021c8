"""What the control plane does: acts, and the views that every reader shares.

An act takes an actor, does one thing, commits, and then publishes once what has changed. A view is
the one computation of a state that pages, commands and metrics show. What only Dagster can do is
asked for through one port, :class:`~dagstead.control.orchestration.Orchestration`.
"""
