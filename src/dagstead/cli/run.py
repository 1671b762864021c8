"""``dagstead up``, ``web``, ``daemon`` and ``pool``: the processes of a control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagstead.cli.options.groups import grouped
from dagstead.cli.options.server import DataFlags, UpFlags, WebFlags, WorkerFlags
from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.server.settings import Settings
    from dagstead.server.settings_sources import LoadedSettings
    from dagstead.server.supervisor import StartReport


@grouped
def up(*, flags: UpFlags) -> None:
    """Run everything: the web server, the daemons and the managed pool.

    The first start creates the deployment `prod` and prints a link to sign in with, which works
    once and for an hour. `dagstead token link` prints another, `dagstead token create` a token.

    For example:

    - `dagstead up`

    - `dagstead up --data /srv/dagstead --host 0.0.0.0 --public-url https://dagstead.example.com`

    - `dagstead up --database postgresql://dagstead@db/dagstead --no-pool`
    """
    loaded = flags.load()
    from functools import partial

    from dagstead.server.logs import set_up_logs
    from dagstead.server.supervisor import run_up
    from dagstead.serverless.sandbox.own_process import close_to_others

    set_up_logs("up", loaded.settings.log_level)
    close_to_others()
    run_up(loaded, partial(_announce, where=_where(loaded, flags)))


@grouped
def web(*, flags: WebFlags) -> None:
    """Run only the web server, which agents, the CLI and browsers talk to.

    For example: `dagstead web --database postgresql://dagstead@db/dagstead --host 0.0.0.0`
    """
    loaded = flags.load()
    _begin("web", loaded.settings)
    from dagstead.server.shutdown import end_process
    from dagstead.server.web import run_web

    run_web(loaded)
    end_process()


@grouped
def daemon(*, flags: WorkerFlags) -> None:
    """Run only the daemons: run queues, schedules, sensors, backfills, monitoring.

    Start as many as you like on one database: one works, and the others wait to take over.

    For example: `dagstead daemon --database postgresql://dagstead@db/dagstead`
    """
    settings = flags.load().settings
    _begin("daemon", settings)
    from dagstead.server.daemon import run_daemon
    from dagstead.server.shutdown import end_process

    run_daemon(settings)
    end_process()


@grouped
def pool(*, flags: WorkerFlags) -> None:
    """Run only the managed pool, which serves the default queue from PEX files.

    Its token, of `dagstead token create --kind pool`, is read from DAGSTEAD_POOL_TOKEN. Without it,
    the pool creates one itself, and needs the control plane's database for that.

    For example: `DAGSTEAD_POOL_TOKEN=pool:… dagstead pool --public-url https://dagstead.example.com`
    """
    import os

    settings = flags.load().settings
    from dagstead.server.logs import set_up_logs
    from dagstead.server.pool import run_pool

    set_up_logs("pool", settings.log_level)
    run_pool(settings, os.environ)


def _begin(part: str, settings: Settings) -> None:
    from dagstead.server.beats import send_beats
    from dagstead.server.logs import set_up_logs
    from dagstead.server.shutdown import hold_lifeline
    from dagstead.serverless.sandbox.own_process import close_to_others

    set_up_logs(part, settings.log_level)
    close_to_others()
    hold_lifeline(settings.stop_seconds)
    send_beats()


def _where(loaded: LoadedSettings, flags: DataFlags) -> str:
    """The flags by which another command finds the same control plane, without the password."""
    import shlex

    from dagstead.server.settings_report import shown_database

    given = {
        "data": flags.data and loaded.settings.data,
        "database": flags.database and shown_database(loaded.settings),
        "config": flags.config and loaded.file and loaded.file.absolute(),
    }
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in given.items() if value)


def _announce(report: StartReport, *, where: str) -> None:
    lines = ["", f"Dagstead is running at {report.url}", ""]
    if report.sign_in:
        lines += [
            "Sign in (this link works once, within an hour, and gives you a user token):",
            f"  {report.sign_in}",
            "",
            "Another link:",
            f"  dagstead token link{where}",
            "",
            "Let the official CLI use it, without a browser:",
            f"  export DAGSTER_CLOUD_API_TOKEN=$(dagstead token create --name NAME{where})",
            f"  export DAGSTER_CLOUD_URL={report.url}",
            f"  export DAGSTER_CLOUD_ORGANIZATION={report.organization}",
            f"  export DAGSTER_CLOUD_DEPLOYMENT={report.deployment}",
            "",
        ]
    else:
        lines += [
            "Another user token:",
            f"  dagstead token create --name NAME{where}",
            "",
        ]
    lines += ["A token for a hybrid agent:"]
    lines += [f"  dagstead token create --kind agent --name NAME --queue QUEUE{where}"]
    if report.walls:
        lines += ["", f"Walls around user code of the managed pool: {report.walls}"]
    if not report.pool:
        lines += [
            "",
            "The managed pool is off: nothing serves the default queue until an agent does.",
        ]
    say("\n".join(lines), flush=True)
