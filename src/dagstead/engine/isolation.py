"""Runs that ask to be executed in their code server, and may not be."""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRun
from dagster_cloud.util import NON_ISOLATED_RUN_TAG_PAIR

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.deployments import Deployment


def isolated_if_needed(
    control: Control, deployment: Deployment, instance: DagsterInstance, run: DagsterRun
) -> DagsterRun:
    """The run as it is to be launched: with a worker of its own where the settings want that.

    Agents read the tag at the launch and at a termination, so it is changed in the run itself.
    """
    key, disabled = NON_ISOLATED_RUN_TAG_PAIR
    if run.tags.get(key) != disabled:
        return run
    objection = control.run_limits.why_isolated(SYSTEM, deployment, run.run_id)
    if objection is None:
        return run
    instance.add_run_tags(run.run_id, {key: "enabled"})
    instance.report_engine_event(f"This run gets a worker of its own: {objection}.", run)
    return run.with_tags({**run.tags, key: "enabled"})
