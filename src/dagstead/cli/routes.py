"""``dagstead routes``: which agents will run every location, and why the others will not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dagstead.cli.options.agents import AgentFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.routes import RoutedFlags, RoutesFormat, RoutesOutputFlags
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.output import Format, on_terminal, prefix_of, print_rows, say
from dagstead.cli.reading import read_locations
from dagstead.cli.remarks import print_remarks
from dagstead.cli.routing import chosen

if TYPE_CHECKING:
    from dagstead.repository.agents.outlook import Outlook
    from dagstead.repository.files import Project


@grouped
def routes(
    path: PathArgument = HERE,
    *,
    routed: RoutedFlags,
    agents: AgentFlags,
    output: RoutesOutputFlags,
) -> None:
    """Show which agent will run every location, before anything is deployed.

    Agents are found in the repository's files: an agent's dagster.yaml, values and commands of the
    Helm chart, compose files, files of Argo CD, Flux, Kustomize, Helmfile, Terraform and
    CloudFormation, agents.yaml. Problems and what is not known are printed on standard error.
    Exits with 1 when something is wrong, such as a location that no agent will run; with 2 when
    that cannot be said from here; with 0 otherwise. A location for an agent of yours is fine if
    no file is about any agent.

    For example:

    `dagstead routes` shows all locations of the current folder

    `dagstead routes --why --location digits` shows why every agent will or will not run digits

    `dagstead routes --agents values.yaml,values-prod.yaml` merges layers of Helm values

    `dagstead routes --live --url https://dagstead.example.com` uses the agents that are connected

    `dagstead routes --format mermaid` draws a chart
    """
    project = read_locations(path, routed.location or ())
    names = chosen(project, routed.location or [])
    outlook = agents.outlook(project, routed, names)
    if output.strict:
        outlook = outlook.strictly()
    _print(outlook, project, output)
    raise typer.Exit(outlook.exit_code)


def _print(outlook: Outlook, project: Project, output: RoutesOutputFlags) -> None:
    from dagstead.routing import tables
    from dagstead.routing.drawing import as_mermaid
    from dagstead.routing.reports import as_json

    prefix = prefix_of(project)
    if output.format_ is RoutesFormat.JSON:
        say(as_json(outlook.routes, outlook.agents, outlook.remarks, prefix=prefix))
        return
    if output.format_ is RoutesFormat.MERMAID:
        say(as_mermaid(outlook.routes), end="")
    else:
        rows = tables.reasons(outlook.routes) if output.why else tables.summary(outlook.routes)
        print_rows(rows, Format.TABLE, empty="")
    if on_terminal() and outlook.remarks:
        say("", err=True)
    print_remarks(outlook.remarks, prefix=prefix)
