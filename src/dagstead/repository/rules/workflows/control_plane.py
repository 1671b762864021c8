"""DW16x: workflows for a control plane that is not Dagster+."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dagstead.repository.ci.acts import DEPLOYING, Act, ActKind
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.job_runs import JobRun
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
_ASKING = "run: dg api run list"
_CONFIGURED = 'run: dg plus config set --url "$DAGSTER_CLOUD_URL" && dg api run list'
#: Ask https://<organization>.dagster.cloud.
_BY_ORGANIZATION = frozenset({"ci branch-deployment", "prerun"})
#: Ask the address in the file of the command line, and else dagster.cloud.
_BY_FILE = frozenset({"dg api", "dg list env", "dg list envs", "dg plus create", "dg plus pull"})
#: Signs that a script writes that file, or names another one.
_WRITES_FILE = re.compile(r"dagster_cloud_cli\b|DAGSTER_CLOUD_CLI_CONFIG|dg\.toml|plus config set")
_FILE = "DAGSTER_CLOUD_CLI_CONFIG"
#: Ask dagster.cloud, and nothing changes that.
_ALWAYS: Mapping[str, str] = {
    "config set-deployment": "Set DAGSTER_CLOUD_DEPLOYMENT instead",
    "organization settings saml": "Take it out: only dagster.cloud has these settings",
    "settings saml": "Take it out: only dagster.cloud has these settings",
}
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
        if act.does is ActKind.CLOSE and _by_organization(act):
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


@workflow_rule(
    "DW163",
    "command-calls-dagster-plus",
    severity=Severity.WARNING,
    reason="""
        Some official commands do not read `DAGSTER_CLOUD_URL`. `dg api`, `dg list envs`,
        `dg plus create` and `dg plus pull` take the address from the file that
        `dg plus config set` writes;
        `dagster-cloud branch-deployment create-or-update` takes it from `--url`;
        `ci branch-deployment` goes by `DAGSTER_CLOUD_ORGANIZATION`; `config set-deployment` and
        the commands about SAML know no other address than dagster.cloud. All of them send the
        token there.
        """,
    bad={**locations(ETL), WORKFLOW: workflow(_ASKING, *SERVERLESS, head=_ENV)},
    good={**locations(ETL), WORKFLOW: workflow(_CONFIGURED, *SERVERLESS, head=_ENV)},
)
def command_calls_dagster_plus(inspection: Inspection) -> Iterator[Violation]:
    """A command asks the control plane that is deployed to."""
    return once(_elsewhere(inspection))


def _elsewhere(inspection: Inspection) -> Iterator[Violation]:
    for _, run, act in acts(inspection):
        instead = _instead(run, act) if names_other_control_plane(act.env) else None
        if instead is not None:
            yield Violation(
                position=act.position,
                message=f"'{act.by}' calls dagster.cloud, whatever {URL} says",
                instead=instead,
            )


def _instead(run: JobRun, act: Act) -> str | None:
    """What to do about an act that calls dagster.cloud; ``None`` for any other."""
    if act.by in _ALWAYS:
        return _ALWAYS[act.by]
    if act.by in _BY_FILE and not _has_file(run, act):
        return f"Call 'dg plus config set --url \"${URL}\"' before it, which writes its file"
    if act.does is ActKind.OPEN and act.by == "branch-deployment create-or-update":
        return None if "--url" in act.options else f'Add --url "${URL}"'
    if act.does is ActKind.OPEN and _by_organization(act):
        return f'Write env: {{{ORGANIZATION}: ""}} at this step'
    return None


def _by_organization(act: Act) -> bool:
    """Whether it calls the address that an organization has at Dagster+."""
    is_named = act.env.get(ORGANIZATION, "") != "" or {"--organization", "-o"} & act.options.keys()
    return act.by in _BY_ORGANIZATION and bool(is_named) and names_other_control_plane(act.env)


def _has_file(run: JobRun, act: Act) -> bool:
    """Whether a step of the job writes the file that has the address, or names one."""
    scripts = (step.run.text or "" for step in run.job.steps if step.run is not None)
    return _FILE in act.env or any(_WRITES_FILE.search(each) for each in scripts)
