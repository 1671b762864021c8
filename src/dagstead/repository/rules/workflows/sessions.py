"""DS502, DS503 and DW15x: sessions and deploys that get lost, branch deployments that stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.repository.ci.acts import DEPLOYING, Act, ActKind, Tool
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.references import reference
from dagstead.repository.ci.triggers import events_of
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.cancellations import (
    UNKNOWN_CHOICE,
    cancelled,
    is_since_last_push,
)
from dagstead.repository.rules.workflows.examples import (
    BUILD,
    CI_INIT,
    DEPLOY,
    ETL,
    PRERUN,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import acts, deploying_workflows, once

_TAKING_STATE = (
    "build_deploy_python_executable",
    "deploy",
    "get_branch_deployment",
    "hybrid_branch_deploy",
    "serverless_branch_deploy",
)
_ABOUT_BRANCHES = re.compile(r"dagster|branch[-_]?deploy|\.ya?ml$", re.IGNORECASE)
_STATE = "DAGSTER_BUILD_STATEDIR"
_ON_CHANGES = "  push:\n    branches: [main]\n  pull_request:\n"
_CLOSED = _ON_CHANGES + "    types: [opened, synchronize, reopened, closed]\n"
_PRERUN = f"uses: {PRERUN}\nid: prerun"
_NOT_CLOSED = "if: steps.prerun.outputs.result != 'skip'\n"
_SKIPPED = tuple(_NOT_CLOSED + each for each in SERVERLESS)
_INIT = "run: dagster-cloud ci init --project-dir ."
_OTHER = ETL.replace("name: etl", "name: reports")
_SECOND = ".github/workflows/reports.yml"

_INIT_STEP = "uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7"
_SOME = (
    f"{_INIT_STEP}\n        with:\n          location_names: ${{{{ steps.which.outputs.names }}}}"
)
_WORKFLOW_PATH = ".github/workflows/deploy.yaml"


def _plain(*steps: str, head: str = "") -> dict[str, str]:
    written = "".join(f"\n      - {each}" for each in steps)
    job = f"jobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:{written}\n"
    return {_WORKFLOW_PATH: f"on: push\n{head}{job}"}


def _one_of(name: str, group: str) -> str:
    begin = f"uses: {CI_INIT}\nwith:\n  project_dir: .\n  location_names: '[\"{name}\"]'"
    head = f"concurrency:\n  group: {group}\n  cancel-in-progress: true\n"
    return workflow(begin, BUILD, DEPLOY, head=head)


def _own(number: int) -> str:
    return f"env:\n  DAGSTER_BUILD_STATEDIR: /tmp/session-{number}\n{_INIT}"


@workflow_rule(
    "DS502",
    "second-init-in-a-job",
    reason="""
        The state of a deploy is kept in a folder that is named after the run. A second `ci-init` in
        the same job empties it: what the first one selected and built is not deployed, unless
        that was done before.
        """,
    bad=_plain(_INIT_STEP, _INIT_STEP),
    good=_plain(_INIT_STEP),
)
def second_init_in_a_job(inspection: Inspection) -> Iterator[Violation]:
    """A job begins one deploy."""
    return once(
        Violation(
            position=act.position,
            message="this init empties the state of the one in line "
            f"{other.position.line} of the same job",
            instead="Begin one deploy with all locations, or use one job for each",
        )
        for other, act in _colliding(inspection)
        if act.tool is Tool.ACTION
    )


@workflow_rule(
    "DS503",
    "cancelled-deploy",
    severity=Severity.WARNING,
    reason="""
        With `cancel-in-progress` a push stops the deploy of the push before it. Which locations the
        next one deploys shows only when it runs: if they are those that changed since the last
        push, the locations of the stopped deploy are never deployed.

        Where it is known that they are, [DW152](DW152.md) says so instead. A workflow that deploys
        everything every time makes up for what was stopped.
        """,
    bad=_plain(_SOME, head="concurrency:\n  group: deploy\n  cancel-in-progress: true\n"),
    good=_plain(_SOME, head="concurrency:\n  group: deploy\n  cancel-in-progress: false\n"),
)
def cancelled_deploy(inspection: Inspection) -> Iterator[Violation]:
    """A deploy that has begun is finished."""
    return once(
        Violation(
            position=each.flag.position,
            message="a push cancels the deploy of the push before it, and may not deploy the same",
            instead="Write cancel-in-progress: "
            "${{ github.event_name == 'pull_request' }}, or false",
        )
        for each in cancelled(inspection)
        if each.lost == UNKNOWN_CHOICE
    )


@workflow_rule(
    "DW150",
    "sessions-in-one-folder",
    reason="""
        `ci init` empties the folder that keeps the state of a deploy. When two sessions of a job
        use the same, what the first one selected and built, and has not deployed by then, is not
        deployed. The action names the folder after the run ([DS502](DS502.md)), the command line
        takes `DAGSTER_BUILD_STATEDIR`.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(_INIT, BUILD, _INIT, BUILD, DEPLOY)},
    good={
        **locations(ETL),
        WORKFLOW: workflow(_own(1), BUILD, DEPLOY, _own(2), BUILD, DEPLOY),
    },
)
def sessions_in_one_folder(inspection: Inspection) -> Iterator[Violation]:
    """Every session of a job has a folder of its own."""
    return once(
        Violation(
            position=act.position,
            message=f"'{act.by}' empties the session of line {other.position.line}",
            instead=f"Give every session its own {_STATE}, or begin one with all locations",
        )
        for other, act in _colliding(inspection)
        if act.tool is not Tool.ACTION
    )


def _colliding(inspection: Inspection) -> Iterator[tuple[Act, Act]]:
    """Sessions that a job begins in one folder: the first, and the one that empties it."""
    for each in inspection.workflows:
        for run in each.runs:
            begun: list[Act] = []
            for act in run.acts:
                if act.does is ActKind.DEPLOY:
                    begun = [one for one in begun if not _is_deployed(one, act)]
                if act.does is not ActKind.BEGIN:
                    continue
                other = next((one for one in begun if _collide(one, act)), None)
                begun.append(act)
                if other is not None:
                    yield other, act


def _collide(first: Act, second: Act) -> bool:
    if not (first.certain or second.certain) and first.condition != second.condition:
        # One of them may run when the other does not.
        return False
    is_known = first.env.get(_STATE, "") is not None
    return is_known and first.tool is second.tool and _has_same_folder(first, second)


def _is_deployed(begin: Act, deploy: Act) -> bool:
    """Whether nothing of a session is left to deploy, so that it may be emptied."""
    chosen = deploy.chosen
    whole = chosen.everything or chosen.unknown
    is_all = whole or (bool(begin.chosen.names) and set(begin.chosen.names) <= set(chosen.names))
    return is_all and _has_same_folder(begin, deploy)


def _has_same_folder(first: Act, second: Act) -> bool:
    unset = ""
    return first.env.get(_STATE, unset) == second.env.get(_STATE, unset)


@workflow_rule(
    "DW151",
    "branch-deployment-stays",
    severity=Severity.WARNING,
    reason="""
        A pull request makes a branch deployment, and the workflow does not run when the request is
        closed: the branch deployment stays, with its schedules and its code servers. Without
        `types`, `pull_request` leaves out `closed`.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(_PRERUN, *_SKIPPED, on=_ON_CHANGES)},
    good={**locations(ETL), WORKFLOW: workflow(_PRERUN, *_SKIPPED, on=_CLOSED)},
)
def branch_deployment_stays(inspection: Inspection) -> Iterator[Violation]:
    """What a pull request has opened is closed with it."""
    # What deletes them every night is no less good.
    if any(_closes(act) for _, _, act in acts(inspection, Event.CLOSE, Event.OTHER)):
        return
    if any(map(_may_close, inspection.workflows)):
        return
    for each in deploying_workflows(inspection):
        deploys = any(act.does in DEPLOYING for _, act in each.acts(Event.CHANGE))
        trigger = each.workflow.trigger("pull_request") or each.workflow.trigger(
            "pull_request_target"
        )
        if not deploys or trigger is None:
            continue
        has_type = "closed" in (trigger.types or ())
        yield Violation(
            position=trigger.node.position,
            message="no workflow closes the branch deployments of pull requests",
            instead="Begin with the action prerun, or call 'ci branch-deployment --mark-closed'"
            if has_type
            else "Write types: [opened, synchronize, reopened, closed], and begin with prerun",
        )


def _may_close(each: InspectedWorkflow) -> bool:
    """Whether something that nobody can read from here runs when a pull request is closed."""
    runs = [run for run in each.runs if run.event is Event.CLOSE]
    called = [step.uses.text or "" for run in runs for step in run.job.steps if step.uses]
    called += [job.uses.text or "" for job in each.workflow.jobs if job.uses and _on_close(each)]
    return any(run.is_opaque for run in runs) or any(map(_is_about_dagster, called))


def _on_close(each: InspectedWorkflow) -> bool:
    return Event.CLOSE in events_of(each.workflow)


def _is_about_dagster(action: str) -> bool:
    """Whether an action of somebody else may be about branch deployments."""
    found = reference(action)
    if found is None or found.is_official or action.startswith("./"):
        return False
    return _ABOUT_BRANCHES.search(found.name) is not None


def _closes(act: Act) -> bool:
    """Whether it reports a closed pull request to the control plane."""
    # The actions for branch deployments take the state of the pull request from the event.
    takes_state = act.tool is Tool.ACTION and act.by in _TAKING_STATE
    return act.does is ActKind.CLOSE or takes_state


@workflow_rule(
    "DW152",
    "lost-deploy",
    reason="""
        The run that cancels a deploy does not make up for it. Either it finds out by comparing
        commits what to deploy, and deploys only what its own push has changed; or workflows or jobs
        that deploy different locations share one concurrency group, and cancel one another. What
        was cancelled is not deployed until it is changed again. On GitLab a newer pipeline cancels
        the jobs that are `interruptible`, and may leave them out because of `rules: changes`.

        A filter of paths on the trigger does no harm: a run that it does not start cancels nothing,
        and one that it starts deploys all that the cancelled one would have deployed. A workflow
        in the same group that deploys nothing is a warning.
        """,
    bad={
        **locations(ETL, _OTHER),
        WORKFLOW: _one_of("etl", "deploy"),
        _SECOND: _one_of("reports", "deploy"),
    },
    good={
        **locations(ETL, _OTHER),
        WORKFLOW: _one_of("etl", "deploy-etl"),
        _SECOND: _one_of("reports", "deploy-reports"),
    },
)
def lost_deploy(inspection: Inspection) -> Iterator[Violation]:
    """A deploy of what has changed is never cancelled."""
    return once(
        Violation(
            position=each.flag.position,
            message=f"a cancelled deploy is lost: {each.lost}",
            instead=each.instead,
            severity=each.severity,
        )
        for each in cancelled(inspection)
        if each.lost not in {UNKNOWN_CHOICE, None}
    )


@workflow_rule(
    "DW153",
    "compared-with-last-push",
    severity=Severity.WARNING,
    reason="""
        What has changed is found out by comparing with the push or commit before. When that one's
        deploy failed or was cancelled, its changes are not among them, and are never deployed.
        Compare with the last commit that was deployed: `dagstead workflow generate --pattern b2`
        writes that.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(
            "id: changed\nuses: dorny/paths-filter@v3\nwith:\n  filters: 'etl: etl/**'",
            *(f"if: steps.changed.outputs.etl == 'true'\n{each}" for each in SERVERLESS),
        ),
    },
    good={**locations(ETL), WORKFLOW: workflow(*SERVERLESS)},
)
def compared_with_last_push(inspection: Inspection) -> Iterator[Violation]:
    """Changes are looked for since the last deploy, not since the last push."""
    return once(_comparing(inspection))


def _comparing(inspection: Inspection) -> Iterator[Violation]:
    for each in deploying_workflows(inspection):
        for _, act in each.acts(Event.PUSH):
            if act.does is ActKind.COMPARE and is_since_last_push(act):
                yield Violation(
                    position=act.position,
                    message=f"{_shown(act.by)} compares with the push before, "
                    "whether that was deployed or not",
                    instead="Compare with the last commit that was deployed",
                )


def _shown(command: str) -> str:
    words = " ".join(command.split())
    return f"'{words}'" if len(words) <= 40 else f"'{words[:40]}...'"  # noqa: PLR2004
