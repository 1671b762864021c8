"""``dagstead agent``: the agents that send heartbeats, and configuration for new ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.agent_config import AgentConfigFlags, AgentFileFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say

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
    """List agents with the status, queues and version that their heartbeats report.

    The queues are those that an agent really gets work from: those that it asks for and that its
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
        empty="No agent has sent a heartbeat yet. Configure one: `dagstead agent config --help`.",
    )


@app.command()
@administers
def refused(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List callers that were refused: who, from where, since when, how often, and what to do.

    These are programs whose token is unknown here, revoked, expired or of another kind, such as an
    agent with a user token. Of a token that is unknown here the last characters are shown.

    For example: `dagstead agent refused`
    """
    rows = [
        {
            "who": each.name,
            "from": each.address,
            "since": moment(each.first_at),
            "last": moment(each.last_at),
            "times": each.times,
            "answer": each.reason,
            "what would help": each.mend,
            "command": each.command,
        }
        for each in plane.agents.refused()
    ]
    print_rows(rows, format_, empty="Nobody was refused in the last days.")


@app.command()
@administers
def forget(
    plane: Administration,
    agent_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="ID of the agent, the last column of `dagstead agent list`."
        ),
    ],
) -> None:
    """Forget an agent that will not come back, so that it is no longer listed or counted.

    An agent that still sends heartbeats cannot be forgotten. Without this command, agents that are
    gone are listed for a day, unless another with the same token and name has taken their place.

    For example: `dagstead agent forget 6f1b2c8e`
    """
    name = plane.agents.forget(agent_id)
    say(f"Forgot agent {name!r}.")


@app.command()
@grouped
def config(
    *,
    flags: AgentConfigFlags,
    target: AgentFileFlags,
) -> None:
    """Print an official agent's configuration: dagster.yaml, or values of its Helm chart.

    Naming a queue with --queue turns the default queue off. An agent that serves it takes
    serverless locations away from the managed pool, and cannot run them. The configuration does
    not contain the token.

    For example:

    - `dagstead agent config --type docker --queue hybrid-queue --output agent/`

    - `dagstead agent config --type kubernetes --queue gpu --deployment prod > values.yaml`
    """
    from dagstead.repository.agents.agent_config import text

    file = flags.file()
    if target.output is None:
        say(text(file), end="")
    else:
        _write(target.output, target.folder(), file, force=target.force)
    _say_what_next(file)


def _write(output: str, folder: Path | None, file: AgentFile, *, force: bool) -> None:
    from dagstead.errors import ConfigurationError, ConflictError
    from dagstead.repository.agents.agent_config import text

    path = Path(output) if folder is None else folder / file.name
    content = text(file)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not force and path.read_text(encoding="utf-8") != content:
            msg = f"{path} already exists with other content. Overwrite it with --force."
            raise ConflictError(msg)
        path.write_text(content, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be written: {error}. Name another file with --output."
        raise ConfigurationError(msg) from error
    say(f"wrote {path}", err=True)


def _say_what_next(file: AgentFile) -> None:
    import shlex

    from dagstead.repository.agents.agent_config import TOKEN_VARIABLE

    if not file.default_queue:
        said = "The default queue is off: locations without a queue are for other agents."
    elif file.queues:
        said = "The default queue is on, too: this agent also gets serverless locations."
    else:
        said = (
            "The default queue is the only one: beside a managed pool, this agent also gets "
            "serverless locations. Name a queue with --queue to turn the default queue off."
        )
    say(said, err=True)
    grants = [f"--deployment {shlex.quote(each)}" for each in file.deployments]
    grants += ["--branch-deployments"] if file.branch_deployments else []
    grants += [f"--queue {shlex.quote(each)}" for each in file.queues]
    grants += ["--default-queue"] if file.default_queue and file.queues else []
    name = shlex.quote(file.label or "NAME")
    say(
        f"Its token, for {TOKEN_VARIABLE}: "
        f"dagstead token create --kind agent --name {name} {' '.join(grants)}",
        err=True,
    )
