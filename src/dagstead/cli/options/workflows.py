"""Options for how CI files are generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.options import DeployTool, Options, Pattern

if TYPE_CHECKING:
    from dagstead.repository.files import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFlags:
    """How CI files are generated."""

    provider: Annotated[
        Provider | None,
        typer.Option(
            "--ci",
            help="The CI to write files for, by default the one that the repository has files of.",
            show_default=False,
        ),
    ] = None
    pattern: Annotated[
        Pattern,
        typer.Option(
            "--pattern",
            help=(
                "a: a workflow for each location. b1: one that builds everything. "
                "b2: one that builds what changed. b3: one that reads the configuration when it "
                "runs. c: one with a job for each location."
            ),
        ),
    ] = Pattern.EVERYTHING
    tool: Annotated[
        DeployTool,
        typer.Option(
            "--with", help="Tool that deploys: the official CLI, its action, or dagstead."
        ),
    ] = DeployTool.CLI
    deployment: Annotated[
        str, typer.Option("--deployment", help="The full deployment to deploy to.")
    ] = "prod"
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            help="The branch that is deployed there, by default the one that git names; pull "
            "requests get branch deployments.",
            show_default=False,
        ),
    ] = None
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            help="Python version for PEX files, by default one that every location allows.",
            show_default=False,
        ),
    ] = None

    def options(self, project: Project) -> Options:
        """The options for the generator; what is not chosen, the repository says.

        Raises:
            InvalidInputError: when no Python fits all locations.
        """
        from dagstead.repository.workflows.choices import branch_of, provider_of, python_of

        return Options(
            provider=self.provider or provider_of(project),
            pattern=self.pattern,
            tool=self.tool,
            deployment=self.deployment,
            branch=self.branch or branch_of(project),
            python=self.python or python_of(project),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteFlags:
    """Whether to write the files, and over which ones."""

    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; print a diff and exit with 1 if files differ."
        ),
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that this command has not generated.")
    ] = False
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Remove the workflows that deploy the same locations."),
    ] = False
    keep_old: Annotated[
        bool,
        typer.Option("--keep-old", help="Keep the workflows that deploy the same locations, too."),
    ] = False
