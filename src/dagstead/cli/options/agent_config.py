"""Options that describe a new agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.model.agents import AgentType

if TYPE_CHECKING:
    from dagstead.repository.agents.agent_config import AgentFile


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentConfigFlags:
    """Where the agent runs code, and what it serves."""

    type_: Annotated[AgentType, typer.Option("--type", help="Where the agent runs code.")]
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="DAGSTER_CLOUD_URL",
            help="Address at which the agent and the code that it runs reach the control plane.",
        ),
    ]
    queue: Annotated[
        list[str] | None, typer.Option("--queue", help="Serve this queue; may be repeated.")
    ] = None
    default_queue: Annotated[
        bool | None,
        typer.Option(
            "--default-queue/--no-default-queue",
            help="Serve locations without a queue, or not; by default, only without --queue.",
        ),
    ] = None
    deployment: Annotated[
        list[str] | None,
        typer.Option(
            "--deployment", help="Serve this deployment; may be repeated. By default, prod."
        ),
    ] = None
    branch_deployments: Annotated[
        bool, typer.Option("--branch-deployments", help="Serve all branch deployments, too.")
    ] = False
    label: Annotated[
        str | None, typer.Option("--label", help="Name of the agent on the control plane's pages.")
    ] = None
    network: Annotated[
        str, typer.Option("--network", help="Docker: the network of the agent and its containers.")
    ] = "dagstead"

    def file(self) -> AgentFile:
        """The configuration that they describe."""
        from dagstead.repository.agents.agent_config import AgentFile

        return AgentFile(
            type=self.type_,
            url=self.url.rstrip("/"),
            queues=tuple(dict.fromkeys(self.queue or ())),
            default_queue=not self.queue if self.default_queue is None else self.default_queue,
            deployments=tuple(self.deployment or ("prod",)),
            branch_deployments=self.branch_deployments,
            label=self.label,
            network=self.network,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFileFlags:
    """Where to write the configuration."""

    # Not a Path, which would lose a slash at the end.
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            help="File to write. A folder, or a path that ends with a slash, gets dagster.yaml or "
            "values.yaml.",
        ),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that differs.")] = False

    def folder(self) -> Path | None:
        """The folder that is named; ``None`` when a file is named, or nothing."""
        if self.output is None:
            return None
        path = Path(self.output)
        looks_like_one = self.output.rpartition("/")[2] in {"", ".", ".."}
        return path if looks_like_one or path.is_dir() else None
