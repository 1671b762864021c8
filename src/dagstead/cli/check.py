"""``dagstead check``: find what is wrong in a repository's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dagstead.cli.findings import print_for_programs, print_lines, print_pages, print_summary
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.rules import (
    FixOption,
    PagesOption,
    ReportFormat,
    ReportFormatOption,
    RuleFlags,
    matching,
)
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.options.templates import TemplateFlags
from dagstead.cli.output import prefix_of, say
from dagstead.cli.reading import where_else, why_none
from dagstead.cli.remarks import print_left_out, print_note, print_shared_token
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import TemplateValues
    from dagstead.repository.rules.base import Finding, Rule
    from dagstead.repository.rules.evidence import Evidence

#: One fix can make another possible, but only a few times.
_MOST_ROUNDS = 5


@grouped
def check(
    path: PathArgument = HERE,
    *,
    format_: ReportFormatOption = ReportFormat.TEXT,
    fix: FixOption = False,
    chosen: RuleFlags,
    templates: TemplateFlags,
    explain: PagesOption = None,
) -> None:
    """Find what is wrong in a repository before it is deployed, offline and without a server.

    Reads dagster_cloud.yaml files, dg projects and workspaces, agents' files (dagster.yaml, Helm
    values, compose files) and deploy workflows. Every finding has a file and
    line, the code of a rule, what is wrong, and what to write instead. Exits with 0 if there are no
    errors, 1 if there are, 2 if the repository could not be checked.

    For example:

    `dagstead check` checks the current folder

    `dagstead check --fix etl` fixes what is safe to fix in the folder etl

    `dagstead check --format github` writes annotations in GitHub Actions

    `dagstead check --format json | jq -r '.findings[].code'` prints only the codes

    `dagstead check --explain DS210` prints why a queue must not be called default
    """
    from dagstead.repository.rules.registry import all_rules

    if explain is not None:
        print_pages(matching(all_rules(), [explain]))
        return
    rules = chosen.rules(all_rules())
    evidence, findings = _checked(path, rules, templates.template_values(), fix=fix)
    _print(evidence, findings, rules, format_)
    if chosen.refuse(findings):
        raise typer.Exit(1)


def _checked(
    path: Path, rules: Sequence[Rule], values: TemplateValues | None, *, fix: bool
) -> tuple[Evidence, Sequence[Finding]]:
    from dagstead.repository.ci.projects import read_project
    from dagstead.repository.rules.checking import fixed, judge, write
    from dagstead.repository.rules.evidence import Evidence

    project = read_project(path, template_values=values)
    if not project.read:
        msg = f"There is no Dagster configuration in {str(path)!r}. {where_else(project)}"
        raise InvalidInputError(msg)
    evidence = Evidence(project=project)
    findings = _within(path, judge(evidence, rules))
    for _ in range(_MOST_ROUNDS if fix else 0):
        project = evidence.project
        changed = fixed(project, findings)
        if not changed:
            break
        write(project.root, changed)
        for each in changed:
            say(f"fixed: {prefix_of(project)}{each.file}", err=True)
        evidence = Evidence(project=read_project(path, template_values=values))
        findings = _within(path, judge(evidence, rules))
    return evidence, findings


def _within(path: Path, findings: Sequence[Finding]) -> Sequence[Finding]:
    """If one file is named, only the findings in it, not those in the CI of its repository."""
    if not path.is_file():
        return findings
    return [each for each in findings if each.position.file == path.name]


def _print(
    evidence: Evidence, findings: Sequence[Finding], rules: Sequence[Rule], format_: ReportFormat
) -> None:
    from dagstead.check import reports

    project = evidence.project
    match format_:
        case ReportFormat.TEXT:
            print_lines(findings, prefix_of(project))
            print_summary(findings)
            if project.locations or findings:
                print_left_out(project)
                print_shared_token(evidence.inspection)
            else:
                print_note(f"there are no code locations. {why_none(project)}".rstrip())
        case ReportFormat.JSON:
            say(reports.as_json(findings, prefix=prefix_of(project)))
        case ReportFormat.GITHUB | ReportFormat.SARIF:
            print_for_programs(project, findings, rules, format_)
