"""``dagstead agent``: who has been heard of, and the configuration of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.options.agent_config import AgentConfigFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.output import Format, FormatOption, moment, print_rows

if TYPE_CHECKING:
    from dagstead.repository.agents.agent_config import AgentFile

app = typer.Typer(help="List agents, and configure new ones.", no_args_is_help=True)


@app.command("list")
def list_(
    *,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List agents by their heartbeats: status, queues, version.

    The queues are those that an agent really gets work of: what it asks for, cut down to what its
    token grants.

    For example: `dagstead agent list`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.model.queues import describe_queue
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        rows = [
            {
                "agent": row.label,
                "status": str(row.status),
                "queues": [
                    describe_queue(queue)
                    for queue in sorted(row.agent.queues, key=lambda queue: queue or "")
                ],
                "deployments": list(row.deployments),
                "version": row.version,
                "type": row.type,
                "token": row.token,
                "last_heartbeat": moment(row.last_heartbeat),
                "errors": row.errors,
                "id": row.id,
            }
            for row in control.agents.all(COMMAND_LINE)
        ]
    print_rows(
        rows,
        format_,
        empty="No agent has been heard of. See `dagstead token create --kind agent --help`.",
    )


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
