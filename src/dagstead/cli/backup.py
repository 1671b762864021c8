"""``dagstead backup`` and ``dagstead restore``: everything that a control plane stores."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.groups import grouped
from dagstead.cli.options.server import DataFlags, load
from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.server.restore import RestoreReport
    from dagstead.server.settings_sources import LoadedSettings

_MIB = 1 << 20

NewFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="Folder to make; by default dagstead-backup- and the time, in this folder.",
    ),
]


@grouped
def backup(
    folder: NewFolder = None,
    *,
    flags: DataFlags,
) -> None:
    """Copy everything that a control plane stores into a new folder, while it runs or not.

    The folder gets databases, files and the settings file, with checksums. Prints its path.

    The master key is not in it. Without that key nobody can read the secrets in a backup, and a
    copy cannot start: keep the key elsewhere.

    For example:

    - `dagstead backup`

    - `dagstead backup /mnt/backups/monday --data /srv/dagstead`

    - `dagstead backup /mnt/backups/monday --database postgresql://dagstead@db/dagstead`
    """
    loaded = load(**asdict(flags))
    _remove_what_is_half_done_when_stopped()
    import time

    from dagstead.server.backup import take_backup

    if folder is None:
        folder = Path(time.strftime("dagstead-backup-%Y%m%d-%H%M%S", time.gmtime()))
    taken = take_backup(loaded, folder.absolute(), time.time)
    deployments = ", ".join(taken.deployments) or "none"
    say(
        f"Files: {len(taken.files)}, {taken.size / _MIB:.1f} MiB. Deployments: {deployments}.\n"
        "Variables of the environment, such as DAGSTEAD_SECRET_…, are not in it.",
        err=True,
    )
    if taken.master_key:
        _remind_of_the_key(loaded, taken.master_key)
    say(folder)


@grouped
def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of `backup`.")],
    *,
    flags: DataFlags,
) -> None:
    """Make a control plane from a backup, in another folder or database; it is not started.

    It is paused, as the original may still run: after its start no run starts and no schedule ticks
    until `dagstead resume`, and everything else works. Every file is compared with its checksum.
    The data folder and the database have to be empty: what is there is never replaced.

    For example:

    - `dagstead restore /mnt/backups/monday --data /srv/dagstead-restored`

    - `dagstead restore monday --data restored --database postgresql://dagstead@db/restored`
    """
    loaded = load(**asdict(flags))
    _remove_what_is_half_done_when_stopped()
    import time

    from dagstead.server.restore import restore_backup

    report = restore_backup(loaded, folder, time.time)
    for line in _remarks(report):
        say(line, err=True)
    say(loaded.settings.data)


def _remind_of_the_key(loaded: LoadedSettings, key: str) -> None:
    import os

    from dagstead.server.master_key import place_of_key

    say(
        f"A restore needs the master key {key}, which is not in it either. Keep a copy elsewhere: "
        f"{place_of_key(loaded.settings, os.environ)}.",
        err=True,
    )


def _remove_what_is_half_done_when_stopped() -> None:
    """Have SIGTERM end the command as Ctrl-C does."""
    import signal
    import sys

    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _remarks(report: RestoreReport) -> list[str]:
    deployments = ", ".join(report.manifest.deployments) or "none"
    remarks = [
        f"Files: {len(report.manifest.files)}, with their checksums. Deployments: {deployments}.",
        "It is paused. Start it with `dagstead up`; its runs start after `dagstead resume`.",
        "Before that, stop the original, and terminate waiting runs that it has started since.",
    ]
    if report.missing_key:
        remarks.append(
            f"It needs the master key {report.missing_key} to start. Put the file with it to "
            "keys/master.key in its data folder, or give it with DAGSTEAD_MASTER_KEY. If it is "
            "lost, `dagstead secret rotate-key --lost` goes on without the secrets."
        )
    if report.settings:
        addresses = "; ".join(report.settings)
        remarks.append(
            f"dagstead.toml has the addresses of the original ({addresses}). Change them if that "
            "one still runs."
        )
    return remarks
