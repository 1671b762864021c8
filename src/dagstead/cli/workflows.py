"""``dagstead workflow``: CI files that deploy a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from dagstead.cli import workflows_inspect
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.options.workflows import WorkflowFlags, WriteFlags
from dagstead.cli.output import say
from dagstead.cli.reading import read_locations

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.workflows.generation import GeneratedFile
    from dagstead.repository.workflows.older import OlderWorkflows
    from dagstead.repository.workflows.options import Options

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

    Nothing is written beside a workflow that deploys the same; --replace removes that one. What it
    does before the build is listed: write it as before-build of [tool.dagstead] in pyproject.toml.

    For example:

    - `dagstead workflow generate --pattern b2`

    - `dagstead workflow generate --pattern b2 --check`

    - `dagstead workflow generate --ci gitlab --pattern b3`
    """
    from dagstead.repository.workflows.generation import generate as make
    from dagstead.repository.workflows.generation import older_than

    project = read_locations(path)
    options = flags.options(project)
    files = make(project, options)
    older = older_than(project, options, files)
    gone = _gone(project, options, files, older)
    if writing.check:
        _compare(project, files, gone)
    else:
        _show_notes(project, options, older, writing)
        _write(project, files, gone, force=writing.force)
        _remove(project, older if writing.replace else None)


def _remove(project: Project, older: OlderWorkflows | None) -> None:
    for each in () if older is None else older.foreign:
        (project.repository / each.path).unlink()
        say(f"removed {each.path}")


def _gone(
    project: Project, options: Options, files: Sequence[GeneratedFile], older: OlderWorkflows
) -> Mapping[str, str]:
    """The generated files that are to go, with the reason."""
    from dagstead.repository.workflows.generation import stale_files

    stale = stale_files(project.repository, project, options, files)
    found = {each.path: "the new files deploy the same" for each in older.generated}
    return found | dict.fromkeys(stale, "its location no longer exists")


def _refuse_older(older: OlderWorkflows, notes: Sequence[str], *, replace: bool) -> None:
    """Raise where the new files and those of somebody else would deploy the same."""
    from dagstead.errors import ConflictError

    reasons = list(older.mixed if replace else older.refusals)
    if not reasons:
        return
    reasons += notes
    if not replace:
        reasons.append("Remove these workflows with --replace, or keep them with --keep-old.")
    raise ConflictError("\n".join(reasons))


def _show_notes(
    project: Project, options: Options, older: OlderWorkflows, writing: WriteFlags
) -> None:
    """Print what to know of the new files; raises where they and others would deploy the same."""
    from dagstead.repository.workflows.generation import commands_before

    notes = list(older.notes(commands_before(project)))
    if not writing.keep_old:
        _refuse_older(older, notes, replace=writing.replace)
    for note in notes:
        say(f"note: {note}", err=True)
    say(
        f"note: pushes to {options.branch} deploy to {options.deployment}, with Python "
        f"{options.python}. --branch, --deployment and --python choose others.",
        err=True,
    )


def _compare(project: Project, files: Sequence[GeneratedFile], gone: Mapping[str, str]) -> None:
    """Print how the files on disk differ; exits with 1 if they do."""
    from dagstead.repository.workflows.generation import drift

    difference = drift(project.repository, files)
    say(difference, end="")
    for path, reason in gone.items():
        say(f"{path}: {reason}; without --check it is removed")
    raise typer.Exit(1 if difference or gone else 0)


def _write(
    project: Project, files: Sequence[GeneratedFile], gone: Mapping[str, str], *, force: bool
) -> None:
    from dagstead.repository.workflows.generation import write

    written = write(project.repository, files, force=force)
    for path in gone:
        (project.repository / path).unlink()
        say(f"removed {path}")
    for file in files:
        say(f"{'wrote' if file.path in written else 'unchanged'} {file.path}")


app.command()(workflows_inspect.inspect)
