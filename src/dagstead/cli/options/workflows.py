"""What generated CI files are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.options import DeployTool, Options, Pattern


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFlags:
    """The choices of a person."""

    provider: Annotated[Provider, typer.Option("--ci", help="The CI to write files for.")] = (
        Provider.GITHUB
    )
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
        typer.Option("--with", help="What deploys: the official CLI, its action, or our CLI."),
    ] = DeployTool.CLI
    deployment: Annotated[
        str, typer.Option("--deployment", help="The full deployment to deploy to.")
    ] = "prod"
    branch: Annotated[
        str,
        typer.Option(
            "--branch",
            help="The branch that is deployed to it; pull requests get branch deployments.",
        ),
    ] = "main"
    python: Annotated[str, typer.Option("--python", help="The Python of PEX files.")] = "3.11"

    def options(self) -> Options:
        """The same for the room that writes them."""
        return Options(
            provider=self.provider,
            pattern=self.pattern,
            tool=self.tool,
            deployment=self.deployment,
            branch=self.branch,
            python=self.python,
        )
