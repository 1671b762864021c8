"""How commands print what rules have found."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.rules.base import Finding, Rule

CODES_HELP = "Code of a rule, or its beginning (DS2); may be repeated."


class ReportFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def print_for_programs(
    project: Project, findings: Sequence[Finding], rules: Sequence[Rule], format_: ReportFormat
) -> None:
    """Print annotations of GitHub or SARIF."""
    from dagstead import __version__
    from dagstead.repository.rules import reports

    prefix = prefix_in_repository(project)
    if format_ is ReportFormat.SARIF:
        print(reports.as_sarif(findings, rules, version=__version__, prefix=prefix))
        return
    text = reports.as_github(findings, prefix=prefix)
    if text:
        print(text)


def print_lines(findings: Sequence[Finding], prefix: str) -> None:
    """A finding is one line in a pipe; on a terminal the advice has a line of its own."""
    from dagstead.repository.files.places import shown

    terminal = sys.stdout.isatty()
    between = "\n    " if terminal else " "
    for each in findings:
        place = typer.style(shown(prefix, each.position), bold=True)
        colour = "red" if each.severity == "error" else "yellow"
        severity = typer.style(str(each.severity), fg=colour)
        found = each.found
        line = f"{place}: {severity} {each.code} {found.message}.{between}{found.advice}"
        typer.echo(line, color=terminal and not os.environ.get("NO_COLOR"))


def print_summary(findings: Sequence[Finding]) -> None:
    """Print how many there are, as a remark."""
    from dagstead.repository.rules.reports import counts

    number = counts(findings)
    fixable = sum(bool(each.found.edits) for each in findings)
    hint = f", {fixable} of them can be put right with --fix" if fixable else ""
    summary = f"Errors: {number['errors']}, warnings: {number['warnings']}{hint}"
    typer.echo(summary if findings else "Nothing is wrong.", err=True)


def print_pages(rules: Sequence[Rule]) -> None:
    """Print the pages of rules."""
    from dagstead.repository.rules.rule_pages import rule_page

    print("\n".join(rule_page(each) for each in rules), end="")


def chosen(rules: Sequence[Rule], select: list[str], ignore: list[str]) -> list[Rule]:
    """The rules that are asked for.

    Raises:
        InvalidInputError: when there is no rule of a code.
    """
    left_out = {each.code for each in (matching(rules, ignore) if ignore else [])}
    wanted = matching(rules, select) if select else rules
    return [each for each in wanted if each.code not in left_out]


def matching(rules: Sequence[Rule], codes: Sequence[str]) -> list[Rule]:
    """The rules whose codes begin so.

    Raises:
        InvalidInputError: when there is none.
    """
    for code in codes:
        if not any(each.code.startswith(code.upper()) for each in rules):
            msg = f"There is no rule {code!r}. Codes are {rules[0].code} to {rules[-1].code}."
            raise InvalidInputError(msg)
    begins = tuple(each.upper() for each in codes)
    return [each for each in rules if each.code.startswith(begins)]


def prefix_of(project: Project) -> str:
    """From the current folder to the project, so that an editor finds the files."""
    relative = os.path.relpath(project.root)
    return "" if relative == "." else f"{relative}/"


def prefix_in_repository(project: Project) -> str:
    """From the root of the repository to the project."""
    relative = project.root.relative_to(project.repository).as_posix()
    return "" if relative == "." else f"{relative}/"
