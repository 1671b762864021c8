"""Workflows that give one token to pull requests and to what deploys to a full deployment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.acts import Tool
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.provider import Provider
from dagstead.repository.rules.workflows.visit import names_other_control_plane

_TOKEN = "DAGSTER_CLOUD_API_TOKEN"  # noqa: S105 - the name of a variable
#: One secret and nothing else: whoever writes an expression around it chooses by something.
_SECRET = re.compile(r"\s*\$\{\{\s*secrets\.(?P<name>[A-Za-z_]\w*)\s*\}\}\s*")


def shared_token_note(inspection: Inspection) -> str | None:
    """What people should know of a token that pull requests and others share.

    The control plane keeps apart the PEX files of those who may deploy different things. It cannot
    do so for jobs that show the same token. Nothing is said about Dagster+, of GitLab, which keeps
    protected variables from merge requests, and where an environment of GitHub has the token.
    """
    for_changes = set(_tokens(inspection, Event.CHANGE))
    shared = sorted(for_changes.intersection(_tokens(inspection, Event.PUSH)))
    if not shared:
        return None
    return (
        f"pull requests and other deploys share the token secrets.{shared[0]}, so the control "
        "plane cannot keep apart what they upload, and code of a pull request may deploy wherever "
        "the token does. Let jobs log in with `dagstead login`, or give pull requests a token of "
        "their own: `dagstead token create --only-branch-deployments`."
    )


def _tokens(inspection: Inspection, event: Event) -> Iterator[str]:
    """The secrets that jobs have as their token when they run for an event."""
    for inspected in inspection.workflows:
        for run in inspected.runs:
            is_guarded = run.job.node.get("environment") is not None
            if run.event is event and not is_guarded and _is_ours(run):
                yield from _names(inspected, run)


def _is_ours(run: JobRun) -> bool:
    """Whether a job deploys to a control plane that is not Dagster+, as far as is written."""
    return any(act.tool is Tool.DAGSTEAD or names_other_control_plane(act.env) for act in run.acts)


def _names(inspected: InspectedWorkflow, run: JobRun) -> Iterator[str]:
    if run.workflow.provider is not Provider.GITHUB:
        return
    holders: list[Node | None] = [inspected.workflow.env, run.workflow.env, run.job.env]
    holders += [step.env for step in run.job.steps]
    for holder in holders:
        value = None if holder is None else holder.get(_TOKEN)
        found = _SECRET.fullmatch(value.text or "") if value is not None else None
        if found:
            yield found["name"]
