"""``dagstead up``, ``web``, ``daemon`` and ``pool``: the processes."""

from __future__ import annotations

from dagstead.cli.options import (
    ConfigOption,
    DatabaseOption,
    DataOption,
    HostOption,
    LogLevelOption,
    PortOption,
    PublicUrlOption,
    settings,
)


def web(
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    host: HostOption = None,
    port: PortOption = None,
    public_url: PublicUrlOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run the web server alone.

    Example: `dagstead web --database postgresql://dagstead@db/dagstead --host 0.0.0.0`
    """
    chosen = settings(
        data=data,
        database=database,
        config=config,
        host=host,
        port=port,
        public_url=public_url,
        log_level=log_level,
    )
    from dagstead.server.lifeline import hold_lifeline
    from dagstead.server.logs import set_up_logs
    from dagstead.server.web import run_web

    set_up_logs("web", chosen.log_level)
    hold_lifeline(chosen.stop_seconds)
    run_web(chosen)
