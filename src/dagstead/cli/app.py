"""The tree of commands."""

from __future__ import annotations

import typer

from dagstead.cli import (
    agent,
    alerts,
    backup,
    build,
    changes,
    check,
    config,
    deploy,
    deployment,
    explain,
    location,
    login,
    migrate,
    pause,
    plan,
    queues,
    releases,
    routes,
    run,
    secret,
    status,
    storage,
    token,
    trail,
    trust,
    version,
    why,
    workflows,
)
from dagstead.cli.output import PIPE_WIDTH, on_terminal

app = typer.Typer(
    name="dagstead",
    callback=version.root,
    help="An open, self-hosted control plane for the official Dagster+ agents and CLI.",
    no_args_is_help=True,
    rich_markup_mode="markdown" if on_terminal() else None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "terminal_width": None if on_terminal() else PIPE_WIDTH,
    },
)

for command in (run.up, run.web, run.daemon, run.pool):
    app.command(command.__name__, rich_help_panel="Run")(command)

app.command()(status.status)
app.command()(why.why)

for name, group in (
    ("deployment", deployment.app),
    ("token", token.app),
    ("trust", trust.app),
    ("trail", trail.app),
    ("secret", secret.app),
    ("agent", agent.app),
    ("queues", queues.app),
    ("alerts", alerts.app),
    ("release", releases.app),
    ("location", location.app),
    ("config", config.app),
    ("workflow", workflows.app),
):
    app.add_typer(group, name=name)

# Older names of the groups, and other ones.
app.add_typer(queues.app, name="queue", hidden=True)
app.add_typer(releases.app, name="releases", hidden=True)
app.add_typer(workflows.app, name="workflows", hidden=True)

for command_of_repository in (
    check.check,
    routes.routes,
    explain.explain,
    changes.changes,
    migrate.migrate,
    plan.plan,
    build.build,
    deploy.deploy,
    login.login,
    login.logout,
):
    app.command(rich_help_panel="Repository")(command_of_repository)
for command_on_all_data in (backup.backup, backup.restore):
    app.command()(command_on_all_data)
app.command()(pause.pause)
app.command()(pause.resume)
app.command()(storage.storage)
app.command()(version.version)

#: What runs, with the parsers of all commands. They never change, and making them takes longer than
#: many commands do.
program = typer.main.get_command(app)
