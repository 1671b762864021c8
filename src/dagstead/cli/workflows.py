"""``dagstead workflow``: CI files that deploy a repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dagstead.cli import workflows_inspect
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.options.workflows import WorkflowFlags, WriteFlags
from dagstead.cli.reading import read_locations

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.workflows.generation import GeneratedFile

app = typer.Typer(help="Generate and inspect CI files that deploy.", no_args_is_help=True)


@app.callback()
def workflows() -> None:
    """Generate and inspect CI files that deploy."""


@app.command()
@grouped
def generate(
    path: PathArgument = HERE,
    *,
    flags: WorkflowFlags,
    writing: WriteFlags,
) -> None:
    """Write the workflows that build and deploy every location of a repository.

    Serverless locations are built as PEX files, hybrid ones as images in their `build.registry`;
    pull requests get branch deployments. The files work with any control plane: set the variable
    `DAGSTER_CLOUD_URL` and the secret `DAGSTER_CLOUD_API_TOKEN` in the settings of your CI.

    For example:

    - `dagstead workflow generate --pattern b2`

    - `dagstead workflow generate --pattern b2 --check`

    - `dagstead workflow generate --ci gitlab --pattern b3`
    """
    from dagstead.repository.workflows.generation import generate as make
    from dagstead.repository.workflows.generation import stale_files

    project = read_locations(path)
    options = flags.options(project)
    files = make(project, options)
    stale = stale_files(project.repository, project, options, files)
    if writing.check:
        _compare(project, files, stale)
    else:
        _write(project, files, stale, force=writing.force)


def _compare(project: Project, files: Sequence[GeneratedFile], stale: Sequence[str]) -> None:
    """Print how the files on disk differ; exits with 1 if they do."""
    from dagstead.repository.workflows.generation import drift

    difference = drift(project.repository, files)
    print(difference, end="")
    for path in stale:
        print(f"{path}: its location no longer exists; without --check it is removed")
    raise typer.Exit(1 if difference or stale else 0)


def _write(
    project: Project, files: Sequence[GeneratedFile], stale: Sequence[str], *, force: bool
) -> None:
    from dagstead.repository.workflows.generation import write

    written = write(project.repository, files, force=force)
    for path in stale:
        (project.repository / path).unlink()
        print(f"removed {path}")
    for file in files:
        print(f"{'wrote' if file.path in written else 'unchanged'} {file.path}")


app.command()(workflows_inspect.inspect)
