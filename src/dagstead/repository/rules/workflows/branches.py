"""DW154: which branches are deployed to a full deployment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, Tool
from dagstead.repository.ci.gitlab_reader import inherited
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Job, Trigger, Workflow
from dagstead.repository.ci.provider import Provider
from dagstead.repository.ci.sessions import Session
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import once, sessions

USUAL_DEPLOYMENT = "prod"
#: A condition or script that looks at the branch may leave some out.
_BRANCH = re.compile(
    r"github\.(?:ref|ref_name|base_ref|head_ref|ref_type|ref_protected|actor)\b|default_branch"
    r"|GITHUB_(?:REF|HEAD_REF|BASE_REF)|CI_COMMIT_(?:BRANCH|REF|TAG)|CI_DEFAULT_BRANCH"
    r"|CI_PIPELINE_SOURCE|git\s+branch|abbrev-ref|symbolic-ref|\bbranch",
    re.IGNORECASE,
)
#: What a rule of GitLab says of pushes to all branches.
_OPEN_RULE = re.compile(
    r"if|when|refs|changes|paths|on_success|always|branches|pushes"
    r"|\s*\$CI_PIPELINE_SOURCE\s*==\s*[\"'](?:push|merge_request_event)[\"']\s*"
    r"|\s*\$CI_COMMIT_BRANCH\s*"
)
_EVERY = frozenset({"*", "**", "**/*"})
_OF_BRANCHES = frozenset({"hybrid_branch_deploy", "serverless_branch_deploy"})


@workflow_rule(
    "DW154",
    "every-branch-to-prod",
    severity=Severity.WARNING,
    reason="""
        Without `branches` a workflow runs for a push to any branch. There is no pull request then,
        so that `ci init` and the actions deploy to the full deployment that they are given, `prod`
        unless another one is named: whoever pushes a branch replaces what runs in production.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(*SERVERLESS, on="  push:\n")},
    good={**locations(ETL), WORKFLOW: workflow(*SERVERLESS)},
)
def every_branch_to_prod(inspection: Inspection) -> Iterator[Violation]:
    """A full deployment gets the code of chosen branches."""
    return once(_for_every_branch(inspection))


def _for_every_branch(inspection: Inspection) -> Iterator[Violation]:
    for inspected, session in sessions(inspection, Event.PUSH):
        if not _runs_for_every_branch(inspected, session.run.job):
            continue
        for act in session.deploys_of:
            deployment = _full_deployment(session, act)
            if deployment is not None and not _heeds_branches(inspected, session, act):
                yield Violation(
                    position=_place(inspected, act),
                    message=f"a push to any branch deploys it to {deployment!r}",
                    instead=_instead(inspected.workflow),
                )


def _instead(workflow: Workflow) -> str:
    if workflow.provider is Provider.GITLAB:
        return "Add a rule to the job: 'if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'"
    trigger = workflow.trigger("push")
    ignores = trigger is not None and trigger.branches_ignored is not None
    place = "in place of branches-ignore" if ignores else "below push"
    return f"Write branches: [main] {place}, with the branch that is deployed there"


def _runs_for_every_branch(inspected: InspectedWorkflow, job: Job) -> bool:
    workflow = inspected.workflow
    if workflow.provider is Provider.GITLAB:
        return workflow.root is not None and not _has_rules(inspected, job)
    trigger = workflow.trigger("push")
    return trigger is not None and _takes_every_branch(trigger)


def _takes_every_branch(trigger: Trigger) -> bool:
    if trigger.branches is not None:
        return any(each in _EVERY for each in trigger.branches)
    return trigger.tags is None or trigger.branches_ignored is not None


def _has_rules(inspected: InspectedWorkflow, job: Job) -> bool:
    """Whether a job of GitLab is left out of some pipelines by more than what has changed."""
    root = inspected.workflow.root
    if root is None:
        return True
    nodes = [inherited(root, job.node, key) for key in ("rules", "only", "except", "when")]
    nodes += [root.get("workflow", "rules"), root.get("default", "rules")]
    for node in nodes:
        texts = [] if node is None else [str(each.value) for each in node.walk() if each.text]
        if any(_OPEN_RULE.fullmatch(each) is None for each in _beside(texts)):
            return True
    return False


def _beside(texts: list[str]) -> Iterator[str]:
    """The texts of rules without patterns of files."""
    return (each for each in texts if not re.search(r"[/*]|\.\w+$", each) or "$" in each)


def _full_deployment(session: Session, act: Act) -> str | None:
    """The full deployment that is deployed to; ``None`` where it may be another kind."""
    begin = session.begin or act
    if begin.tool is Tool.DG or begin.by == "dg-deploy-init" or act.by in _OF_BRANCHES:
        # dg makes a branch deployment of every branch but main.
        return None
    given = {**act.options, **begin.options}
    if {"--branch-deployment", "--require-branch-deployment"} & given.keys():
        return None
    name = given.get("--deployment", given.get("deployment", USUAL_DEPLOYMENT))
    return name or None


def _heeds_branches(inspected: InspectedWorkflow, session: Session, act: Act) -> bool:
    run = session.run
    conditions = [act.condition, *_conditions(inspected, run)]
    if session.begin is not None:
        conditions.append(session.begin.condition)
    scripts = [each.run.text or "" for each in run.job.steps if each.run is not None]
    # An environment of GitHub may take the deploys of some branches only.
    is_github = inspected.workflow.provider is Provider.GITHUB
    is_guarded = is_github and run.job.node.get("environment") is not None
    return is_guarded or any(map(_BRANCH.search, (*conditions, *scripts)))


def _conditions(inspected: InspectedWorkflow, run: JobRun) -> Iterator[str]:
    """The conditions of a job, of those that it waits for, and of those that call it."""
    workflows = {id(each): each for each in (inspected.workflow, run.workflow)}
    for each in workflows.values():
        for job in each.jobs:
            is_own = job is run.job or job.name in run.job.needs or job.uses is not None
            if is_own and job.condition is not None:
                yield str(job.condition.value)


def _place(inspected: InspectedWorkflow, act: Act) -> Position:
    trigger = inspected.workflow.trigger("push")
    return act.position if trigger is None else trigger.node.position
