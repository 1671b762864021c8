"""Which rules a command judges by, and how it prints what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.rules.base import Finding, Rule


class ReportFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


ReportFormatOption = Annotated[
    ReportFormat,
    typer.Option(
        "--format", help="sarif is for code scanning, github for annotations in GitHub Actions."
    ),
]
FixOption = Annotated[
    bool, typer.Option("--fix", help="Fix what is safe to fix, and change nothing else.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")]
PagesOption = Annotated[
    str | None,
    typer.Option(
        "--explain",
        help="Print the pages of rules whose code starts with this, and check nothing.",
        metavar="CODE",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFlags:
    """Which rules to use, and what counts as a failure."""

    strict: StrictOption = False
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            help="Use only rules whose code starts with this (DS2, DS210); may be repeated.",
        ),
    ] = None
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            help="Ignore rules whose code starts with this (DS2, DS210); may be repeated.",
        ),
    ] = None

    def rules(self, known: Sequence[Rule]) -> list[Rule]:
        """The rules to use.

        Raises:
            InvalidInputError: when no rule's code starts with one that is given.
        """
        left_out = {rule.code for rule in (matching(known, self.ignore) if self.ignore else [])}
        wanted = matching(known, self.select) if self.select else known
        return [rule for rule in wanted if rule.code not in left_out]

    def refuse(self, findings: Sequence[Finding]) -> bool:
        """Whether these findings make the command exit with 1."""
        from dagstead.repository.rules.checking import has_errors

        return has_errors(findings) or (self.strict and bool(findings))


def matching(rules: Sequence[Rule], codes: Sequence[str]) -> list[Rule]:
    """The rules whose code starts with one of these, in upper or lower case.

    Raises:
        InvalidInputError: when one of them is not the start of any rule's code.
    """
    for code in codes:
        if not any(rule.code.startswith(code.upper()) for rule in rules):
            msg = f"There is no rule {code!r}. Codes are {rules[0].code} to {rules[-1].code}."
            raise InvalidInputError(msg)
    begins = tuple(code.upper() for code in codes)
    return [rule for rule in rules if rule.code.startswith(begins)]
