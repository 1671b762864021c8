"""DW16x: workflows for a control plane that is not Dagster+."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.repository.ci.acts import DEPLOYING, Act, ActKind
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    BUILD,
    DEPLOY,
    ETL,
    PRERUN,
    SERVERLESS,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.references import calls_dagster_plus
from dagstead.repository.rules.workflows.visit import (
    ORGANIZATION,
    URL,
    acts,
    names_other_control_plane,
    once,
)

_CLOSED = """\
  push:
    branches: [main]
  pull_request:
    types: [opened, synchronize, reopened, closed]
"""
_ENV = (
    "env:\n  DAGSTER_CLOUD_URL: https://dagster.example.com\n  DAGSTER_CLOUD_ORGANIZATION: ours\n"
)
_OWN_URL = "env:\n  DAGSTER_CLOUD_URL: https://dagster.example.com\n"
_PRERUN = f"uses: {PRERUN}\nid: prerun"
_EMPTY = f'{_PRERUN}\nenv:\n  DAGSTER_CLOUD_ORGANIZATION: ""'
_SKIPPED = tuple(f"if: steps.prerun.outputs.result != 'skip'\n{each}" for each in SERVERLESS)
_SECOND = ".github/workflows/etl.yml"
_NAMED = (
    BEGIN + "\n  location_names: '[\"train\"]'",
    call("ci set-build-output --location-name train --image-tag $GITHUB_SHA"),
    DEPLOY,
)
_NAMED_ETL = (BEGIN + "\n  location_names: '[\"etl\"]'", BUILD, DEPLOY)


@workflow_rule(
    "DW160",
    "close-calls-dagster-plus",
    severity=Severity.WARNING,
    reason="""
        With `DAGSTER_CLOUD_ORGANIZATION` set, `ci branch-deployment` calls
        `https://<organization>.dagster.cloud`, in every version and whatever `DAGSTER_CLOUD_URL`
        says. The action `prerun` calls it when a pull request is closed: the job fails, and the
        branch deployment stays.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(_PRERUN, *_SKIPPED, on=_CLOSED, head=_ENV)},
    good={**locations(ETL), WORKFLOW: workflow(_EMPTY, *_SKIPPED, on=_CLOSED, head=_ENV)},
)
def close_calls_dagster_plus(inspection: Inspection) -> Iterator[Violation]:
    """A branch deployment is closed on the control plane that has it."""
    return once(_closing(inspection))


def _closing(inspection: Inspection) -> Iterator[Violation]:
    for _, _, act in acts(inspection):
        is_set = act.env.get(ORGANIZATION, "") != ""
        if act.does is ActKind.CLOSE and is_set and names_other_control_plane(act.env):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' calls dagster.cloud, because {ORGANIZATION} is set",
                instead=f'Write env: {{{ORGANIZATION}: ""}} at this step',
            )


@workflow_rule(
    "DW161",
    "url-missing",
    severity=Severity.WARNING,
    reason="""
        Some workflows of the repository set `DAGSTER_CLOUD_URL` to a control plane of yours. One
        that does not deploys to dagster.cloud, or fails there.
        """,
    bad={
        **locations(ETL, TRAIN),
        WORKFLOW: workflow(*_NAMED, head=_OWN_URL),
        _SECOND: workflow(*_NAMED_ETL),
    },
    good={
        **locations(ETL, TRAIN),
        WORKFLOW: workflow(*_NAMED, head=_OWN_URL),
        _SECOND: workflow(*_NAMED_ETL, head=_OWN_URL),
    },
)
def url_missing(inspection: Inspection) -> Iterator[Violation]:
    """Every workflow deploys to the same control plane."""
    return once(_without_url(inspection))


def _without_url(inspection: Inspection) -> Iterator[Violation]:
    if not any(names_other_control_plane(act.env) for _, _, act in acts(inspection)):
        return
    for inspected, _, act in acts(inspection):
        if _speaks(act) and not (act.env.get(URL, "x") or "x") and URL in act.env:
            continue
        if _speaks(act) and URL not in act.env and not act.options.get("dagster_cloud_url"):
            yield Violation(
                position=act.position,
                message=f"{URL} is not set for '{act.by}', and other steps of this repository "
                "have it",
                instead=f"Set {URL} in the env of {inspected.workflow.path}",
            )
            return


def _speaks(act: Act) -> bool:
    """Whether it is the first to call the control plane."""
    return act.does in {ActKind.BEGIN, ActKind.BUILD_AND_DEPLOY} | (DEPLOYING - {ActKind.DEPLOY})


@workflow_rule(
    "DW162",
    "check-calls-dagster-plus",
    severity=Severity.WARNING,
    reason="""
        `ci check` looks for dagster.cloud, in every version and whatever `DAGSTER_CLOUD_URL` says,
        and fails when it is not there or does not know the token.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(call("ci check"), *SERVERLESS, head=_OWN_URL),
    },
    good={
        **locations(ETL),
        WORKFLOW: workflow("run: dagstead check", *SERVERLESS, head=_OWN_URL),
    },
)
def check_calls_dagster_plus(inspection: Inspection) -> Iterator[Violation]:
    """A check asks the control plane that is deployed to."""
    return once(_checking(inspection))


def _checking(inspection: Inspection) -> Iterator[Violation]:
    for _, _, act in acts(inspection):
        if act.does is ActKind.CHECK and calls_dagster_plus(act):
            yield Violation(
                position=act.position,
                message=f"'{act.by}' calls dagster.cloud, whatever {URL} says; "
                "it is deprecated, too",
                instead="Call 'dagstead check', or add --dagster-cloud-connect-check=skip",
            )
