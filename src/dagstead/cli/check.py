"""``dagstead check``: what is wrong in a repository's configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.project import Project, TemplateValues
    from dagstead.project.rules.base import Finding, Rule

#: A fix can make another one possible, never more than a few.
_MOST_ROUNDS = 5
_CODES_HELP = "Code of a rule, or its beginning (DS2); may be repeated."


class ReportFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def check(  # noqa: PLR0913 - options of a command
    path: Annotated[
        Path, typer.Argument(help="Folder of a repository, or one file.", show_default=False)
    ] = Path(),
    *,
    format_: Annotated[
        ReportFormat,
        typer.Option("--format", help="sarif for code scanning, github for annotations in CI."),
    ] = ReportFormat.TEXT,
    fix: Annotated[
        bool, typer.Option("--fix", help="Put right what is safe to; all other bytes stay.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")] = False,
    select: Annotated[list[str] | None, typer.Option("--select", help=_CODES_HELP)] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", help=_CODES_HELP)] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", help="NAME=VALUE: render Jinja templates with it.", metavar="N=V"),
    ] = None,
    values: Annotated[
        Path | None, typer.Option("--values", help="YAML file with values for Jinja templates.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option("--explain", help="Print a rule's page and end.", metavar="CODE")
    ] = None,
) -> None:
    """Find what is wrong in a repository before it is deployed: offline, without a server.

    Reads dagster_cloud.yaml files, dg projects and workspaces, agents' files (dagster.yaml, Helm
    values, compose files) and deploy workflows. Each finding has a place, a rule's code, what is
    wrong and what to write instead. Exits with 0 without errors, 1 with errors, 2 when it could
    not check.

    For example:

    `dagstead check` checks the current folder

    `dagstead check --fix etl` puts right what is safe to in the folder etl

    `dagstead check --format github` writes annotations in GitHub Actions

    `dagstead check --format json | jq -r '.findings[].code'` prints codes only

    `dagstead check --explain DS210` prints why a queue must not be called default
    """
    from dagstead.project.checking import all_rules

    if explain is not None:
        _explain(_matching(all_rules(), [explain]))
        return
    rules = _chosen(all_rules(), select or [], ignore or [])
    given = _template_values(var or [], values)
    project, findings = _checked(path, rules, given, fix=fix)
    _print(project, findings, rules, format_)
    from dagstead.project.checking import has_errors

    if has_errors(findings) or (strict and findings):
        raise typer.Exit(1)


def _checked(
    path: Path, rules: Sequence[Rule], values: TemplateValues | None, *, fix: bool
) -> tuple[Project, Sequence[Finding]]:
    from dagstead.project import read_project
    from dagstead.project.checking import check as run_rules
    from dagstead.project.checking import fixed, write

    project = read_project(path, template_values=values)
    if not project.files:
        msg = f"There is no Dagster configuration in {str(path)!r}. Name the folder that has it."
        raise InvalidInputError(msg)
    findings = run_rules(project, rules)
    for _ in range(_MOST_ROUNDS if fix else 0):
        changed = fixed(project, findings)
        if not changed:
            break
        write(project.root, changed)
        for each in changed:
            typer.echo(f"fixed: {_prefix(project)}{each.file}", err=True)
        project = read_project(path, template_values=values)
        findings = run_rules(project, rules)
    return project, findings


def _print(
    project: Project, findings: Sequence[Finding], rules: Sequence[Rule], format_: ReportFormat
) -> None:
    from dagstead import __version__
    from dagstead.project import reports

    match format_:
        case ReportFormat.TEXT:
            _print_text(findings, _prefix(project))
        case ReportFormat.JSON:
            print(reports.as_json(findings, prefix=_prefix(project)))
        case ReportFormat.GITHUB:
            text = reports.as_github(findings, prefix=_prefix_in_repository(project))
            if text:
                print(text)
        case ReportFormat.SARIF:
            prefix = _prefix_in_repository(project)
            print(reports.as_sarif(findings, rules, version=__version__, prefix=prefix))


def _print_text(findings: Sequence[Finding], prefix: str) -> None:
    """A finding is one line in a pipe; on a terminal the advice has a line of its own."""
    from dagstead.project.reports import counts

    terminal = sys.stdout.isatty()
    between = "\n    " if terminal else " "
    for each in findings:
        place = typer.style(f"{prefix}{each.position}", bold=True)
        colour = "red" if each.severity == "error" else "yellow"
        severity = typer.style(str(each.severity), fg=colour)
        found = each.found
        line = f"{place}: {severity} {each.code} {found.message}.{between}{found.advice}"
        typer.echo(line, color=terminal and not os.environ.get("NO_COLOR"))
    number = counts(findings)
    fixable = sum(bool(each.found.edits) for each in findings)
    hint = f", {fixable} of them can be put right with --fix" if fixable else ""
    summary = f"Errors: {number['errors']}, warnings: {number['warnings']}{hint}"
    typer.echo(summary if findings else "Nothing is wrong.", err=True)


def _explain(rules: Sequence[Rule]) -> None:
    from dagstead.project.rule_pages import rule_page

    print("\n".join(rule_page(each) for each in rules), end="")


def _chosen(rules: Sequence[Rule], select: list[str], ignore: list[str]) -> list[Rule]:
    left_out = {each.code for each in (_matching(rules, ignore) if ignore else [])}
    chosen = _matching(rules, select) if select else rules
    return [each for each in chosen if each.code not in left_out]


def _matching(rules: Sequence[Rule], codes: Sequence[str]) -> list[Rule]:
    for code in codes:
        if not any(each.code.startswith(code.upper()) for each in rules):
            msg = f"There is no rule {code!r}. Codes are {rules[0].code} to {rules[-1].code}."
            raise InvalidInputError(msg)
    begins = tuple(each.upper() for each in codes)
    return [each for each in rules if each.code.startswith(begins)]


def _template_values(variables: Sequence[str], file: Path | None) -> TemplateValues | None:
    if not variables and file is None:
        return None
    from dagstead.project import TemplateValues

    given: dict[str, object] = {}
    if file is not None:
        given.update(_values_of(file))
    for each in variables:
        name, equals, value = each.partition("=")
        if not equals:
            msg = f"--var {each!r} is not of the form NAME=VALUE."
            raise InvalidInputError(msg)
        given[name] = value
    return TemplateValues(variables=given, environment=dict(os.environ))


def _values_of(file: Path) -> Mapping[str, object]:
    import yaml

    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"The values in {str(file)!r} cannot be read: {error}"
        raise InvalidInputError(msg) from error
    if not isinstance(loaded, dict):
        msg = f"{str(file)!r} has no mapping of names to values."
        raise InvalidInputError(msg)
    return loaded


def _prefix(project: Project) -> str:
    """From the current folder to the project, so that an editor finds the files."""
    relative = os.path.relpath(project.root)
    return "" if relative == "." else f"{relative}/"


def _prefix_in_repository(project: Project) -> str:
    relative = project.root.relative_to(project.repository).as_posix()
    return "" if relative == "." else f"{relative}/"
