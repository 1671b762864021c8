"""``dagstead workflow inspect``: what existing CI files do to the locations of a repository."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.findings import print_for_programs, print_lines, print_pages, print_summary
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.rules import (
    PagesOption,
    ReportFormat,
    ReportFormatOption,
    RuleFlags,
    matching,
)
from dagstead.cli.options.source import HERE
from dagstead.cli.output import prefix_of, say
from dagstead.cli.remarks import print_shared_token
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.ci.inspection import Inspection
    from dagstead.repository.rules.base import Finding, Rule


@grouped
def inspect(
    path: Annotated[
        Path, typer.Argument(help="Folder of a repository, or a folder in it.", show_default=False)
    ] = HERE,
    *,
    format_: ReportFormatOption = ReportFormat.TEXT,
    chosen: RuleFlags,
    explain: PagesOption = None,
) -> None:
    """Show what the workflows of a repository do to its locations, and what is wrong in them.

    Reads workflows of GitHub Actions and the pipeline of GitLab, whoever wrote them, and the
    configuration of the locations. Prints the pattern of every workflow, what starts it, what it
    builds and deploys; then what is wrong, where, and what to write instead. Nothing is run: what
    only a run can show is reported as unknown. Exits with 0 if there are no errors, 1 if there are,
    2 if the files could not be read.

    For example:

    - `dagstead workflow inspect`

    - `dagstead workflow inspect --format github` writes annotations in GitHub Actions

    - `dagstead workflow inspect --format json | jq -r '.workflows[] | .path + " " + .pattern'`

    - `dagstead workflow inspect --explain DW121` prints why a path filter must include all files
    """
    about_workflows = _rules()
    if explain is not None:
        print_pages(matching(about_workflows, [explain]))
        return
    rules = chosen.rules(about_workflows)
    inspection = _inspected(path)
    findings = _judged(inspection, rules)
    _print(inspection, findings, rules, format_)
    if chosen.refuse(findings):
        raise typer.Exit(1)


def _rules() -> Sequence[Rule]:
    from dagstead.repository.rules.base import Subject
    from dagstead.repository.rules.registry import rules_about

    return rules_about(Subject.WORKFLOWS)


def _inspected(path: Path) -> Inspection:
    from dagstead.repository.ci.inspection import inspect as follow
    from dagstead.repository.ci.projects import read_project

    inspection = follow(read_project(path))
    if not inspection.workflows:
        msg = (
            f"There is no workflow in {os.path.relpath(inspection.project.repository)!r}. "
            "Generate one with `dagstead workflow generate`."
        )
        raise InvalidInputError(msg)
    return inspection


def _judged(inspection: Inspection, rules: Sequence[Rule]) -> Sequence[Finding]:
    from dagstead.repository.rules.checking import judge
    from dagstead.repository.rules.evidence import Evidence

    return judge(Evidence(project=inspection.project, followed=inspection), rules)


def _print(
    inspection: Inspection,
    findings: Sequence[Finding],
    rules: Sequence[Rule],
    format_: ReportFormat,
) -> None:
    from dagstead.check import reports
    from dagstead.repository.ci.summaries import as_data, as_lines

    prefix = prefix_of(inspection.project)
    match format_:
        case ReportFormat.TEXT:
            say("\n".join(as_lines(inspection)))
            if findings:
                say()
            print_lines(findings, prefix)
            print_summary(findings)
            print_shared_token(inspection)
        case ReportFormat.JSON:
            say(reports.as_json(findings, prefix=prefix, **as_data(inspection, prefix)))
        case ReportFormat.GITHUB | ReportFormat.SARIF:
            print_for_programs(inspection.project, findings, rules, format_)
