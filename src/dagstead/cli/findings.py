"""How commands print the findings of rules."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dagstead.cli.options.rules import ReportFormat
from dagstead.cli.output import prefix_in_repository, say

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.rules.base import Finding, Rule


def print_for_programs(
    project: Project, findings: Sequence[Finding], rules: Sequence[Rule], format_: ReportFormat
) -> None:
    """Print findings as GitHub annotations or as SARIF."""
    from dagstead import __version__
    from dagstead.check import reports

    prefix = prefix_in_repository(project)
    if format_ is ReportFormat.SARIF:
        say(reports.as_sarif(findings, rules, version=__version__, prefix=prefix))
        return
    text = reports.as_github(findings, prefix=prefix)
    if text:
        say(text)


def print_lines(findings: Sequence[Finding], prefix: str) -> None:
    """Print a line per finding; on a terminal the advice has a line of its own."""
    from dagstead.repository.files.places import shown

    terminal = sys.stdout.isatty()
    between = "\n    " if terminal else " "
    for each in findings:
        place = typer.style(shown(prefix, each.position), bold=True)
        colour = "red" if each.severity == "error" else "yellow"
        severity = typer.style(str(each.severity), fg=colour)
        found = each.found
        line = f"{place}: {severity} {each.code} {found.message}.{between}{found.advice}"
        say(line)


def print_summary(findings: Sequence[Finding]) -> None:
    """Print how many findings there are, on standard error."""
    from dagstead.check.reports import counts

    number = counts(findings)
    fixable = sum(bool(each.found.edits) for each in findings)
    hint = f"; --fix can fix {fixable}" if fixable else ""
    summary = f"Errors: {number['errors']}, warnings: {number['warnings']}{hint}"
    say(summary if findings else "Nothing is wrong.", err=True)


def print_pages(rules: Sequence[Rule]) -> None:
    """Print the pages of rules."""
    from dagstead.repository.rules.rule_pages import rule_page

    say("\n".join(rule_page(each) for each in rules), end="")
