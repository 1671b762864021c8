"""``dagstead workflows``: CI files that deploy a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagstead.cli import workflows_inspect
from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.options import Options, Pattern, Tool

app = typer.Typer(help="Make and inspect CI files that deploy.", no_args_is_help=True)


@app.callback()
def workflows() -> None:
    """Make and inspect CI files that deploy."""


@app.command()
def generate(  # noqa: PLR0913 - each is a choice of the person
    path: Annotated[
        Path, typer.Argument(help="The folder of your dagster_cloud.yaml.", show_default=False)
    ] = Path(),
    *,
    provider: Annotated[Provider, typer.Option("--ci", help="Whose CI.")] = Provider.GITHUB,
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
    ] = Pattern.EVERYTHING,
    tool: Annotated[
        Tool, typer.Option("--with", help="What deploys: the official CLI, its action, or our CLI.")
    ] = Tool.CLI,
    deployment: Annotated[str, typer.Option("--deployment", help="The full deployment.")] = "prod",
    branch: Annotated[
        str, typer.Option("--branch", help="The branch that goes to it; others by pull request.")
    ] = "main",
    python: Annotated[str, typer.Option("--python", help="The Python of PEX files.")] = "3.11",
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; print a diff and exit with 1 on drift."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that were not made by this command.")
    ] = False,
) -> None:
    """Write the workflows that build and deploy every location of a repository.

    Serverless locations become PEX files, hybrid ones images in their `build.registry`; pull
    requests get branch deployments. The files work with any control plane: set the variable
    `DAGSTER_CLOUD_URL` and the secret `DAGSTER_CLOUD_API_TOKEN` where CI keeps them.

    For example:

    - `dagstead workflows generate --pattern b2`

    - `dagstead workflows generate --pattern b2 --check`

    - `dagstead workflows generate --ci gitlab --pattern b3`
    """
    from dagstead.repository.files import read_project
    from dagstead.repository.workflows.generating import drift, stale_files, write
    from dagstead.repository.workflows.generating import generate as make

    options = Options(
        provider=provider,
        pattern=pattern,
        tool=tool,
        deployment=deployment,
        branch=branch,
        python=python,
    )
    project = read_project(path)
    files = make(project, options)
    stale = stale_files(project.repository, project, options, files)
    if check:
        difference = drift(project.repository, files)
        print(difference, end="")
        for each in stale:
            print(f"{each}: its location is gone; the command without --check removes it")
        raise typer.Exit(1 if difference or stale else 0)
    written = write(project.repository, files, force=force)
    for each in stale:
        (project.repository / each).unlink()
        print(f"removed {each}")
    for file in files:
        print(f"{'wrote' if file.path in written else 'unchanged'} {file.path}")


app.command()(workflows_inspect.inspect)
