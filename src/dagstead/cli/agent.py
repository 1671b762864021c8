"""``dagstead agent``: who has been heard of, and the configuration of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.agent_config import AgentConfigFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.output import Format, FormatOption, moment, print_rows

if TYPE_CHECKING:
    from dagstead.repository.agents.agent_config import AgentFile

app = typer.Typer(help="List agents, forget dead ones, configure new ones.", no_args_is_help=True)


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List agents by their heartbeats: status, queues, version.

    The queues are those that an agent really gets work of: what it asks for, cut down to what its
    token grants.

    For example: `dagstead agent list`
    """
    from dagstead.model.queues import describe_queue

    rows = [
        {
            "agent": each.label,
            "status": each.status,
            "queues": [
                describe_queue(queue)
                for queue in sorted(each.queues, key=lambda queue: queue or "")
            ],
            "deployments": list(each.deployments),
            "version": each.version,
            "type": each.type,
            "token": each.token,
            "last_heartbeat": moment(each.last_heartbeat),
            "errors": each.errors,
            "id": each.id,
        }
        for each in plane.agents.all()
    ]
    print_rows(
        rows,
        format_,
        empty="No agent has been heard of. See `dagstead token create --kind agent --help`.",
    )


@app.command()
@administers
def forget(
    plane: Administration,
    agent_id: Annotated[
        str, typer.Argument(metavar="ID", help="The last column of `dagstead agent list`.")
    ],
) -> None:
    """Forget an agent that is gone for good: it is no longer listed, and counts for nothing.

    An agent that is still heard of is not forgotten. Without this command, one is after a week.

    For example: `dagstead agent forget 6f1b2c8e`
    """
    name = plane.agents.forget(agent_id)
    print(f"Agent {name!r} is forgotten.")


@app.command()
@grouped
def config(
    *,
    flags: AgentConfigFlags,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="File to write; a folder gets dagster.yaml or values.yaml."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite another file.")] = False,
) -> None:
    """Print an official agent's configuration: dagster.yaml, or values of its Helm chart.

    Naming a queue switches the default queue off: an agent that keeps it takes serverless
    locations from the managed pool, and cannot run them. The token is not in the file.

    For example:

    - `dagstead agent config --type docker --queue hybrid-queue --output agent/`

    - `dagstead agent config --type kubernetes --queue gpu --deployment prod > values.yaml`
    """
    from dagstead.repository.agents.agent_config import text

    file = flags.file()
    if output is None:
        print(text(file), end="")
    else:
        _write(output / file.name if output.is_dir() else output, text(file), force=force)
    _say_what_next(file)


def _write(path: Path, content: str, *, force: bool) -> None:
    from dagstead.errors import ConfigurationError, ConflictError

    try:
        if path.exists() and not force and path.read_text(encoding="utf-8") != content:
            msg = f"{path} is there already and says something else. Overwrite it with --force."
            raise ConflictError(msg)
        path.write_text(content, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be written: {error}. Name another file with --output."
        raise ConfigurationError(msg) from error
    typer.echo(f"wrote {path}", err=True)


def _say_what_next(file: AgentFile) -> None:
    import shlex

    from dagstead.repository.agents.agent_config import TOKEN_VARIABLE

    if not file.default_queue:
        said = "The default queue is off: locations without a queue are for other agents."
    elif file.queues:
        said = "The default queue is on, beside the named ones: serverless locations come to it."
    else:
        said = (
            "Only the default queue is served, and with a managed pool running serverless "
            "locations come to this agent, too. Name a queue with --queue to switch it off."
        )
    typer.echo(said, err=True)
    grants = [f"--deployment {shlex.quote(each)}" for each in file.deployments]
    grants += ["--branch-deployments"] if file.branch_deployments else []
    grants += [f"--queue {shlex.quote(each)}" for each in file.queues]
    grants += ["--default-queue"] if file.default_queue and file.queues else []
    name = shlex.quote(file.label or "NAME")
    typer.echo(
        f"Its token, for {TOKEN_VARIABLE}: "
        f"dagstead token create --kind agent --name {name} {' '.join(grants)}",
        err=True,
    )
