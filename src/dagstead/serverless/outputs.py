"""What steps of runs stored on the pool, and how it is removed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dagstead.model.retention import newest
from dagstead.serverless.home import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from dagstead.serverless.home import PoolHome

#: Values of assets lie beside the runs, in folders that are named after the asset: they stay.
_RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def sweep_outputs(
    home: PoolHome,
    *,
    before: float,
    keep_runs: int,
    has_ended: Callable[[str, str], bool | None],
) -> list[Path]:
    """Remove the outputs of old runs; returns their folders.

    Args:
        home: the pool's folder.
        before: what has changed since then is kept; in seconds since 1970.
        keep_runs: of every deployment, the newest ones are kept.
        has_ended: whether a run of a deployment has ended, asked last; ``None`` when the control
            plane does not say, and then it is not asked about this deployment again.
    """
    removed = []
    for folder in _folders(home.deployments):
        times = {place: _changed_at(place) for place in _folders(folder / "storage")}
        runs = {place: at for place, at in times.items() if _RUN_ID.fullmatch(place.name)}
        old = runs.keys() - newest(runs, keep_runs, runs.__getitem__)
        for place in sorted(place for place in old if runs[place] < before):
            ended = has_ended(unquote(folder.name), place.name)
            if ended is None:
                break
            if ended:
                remove(place)
                removed.append(place)
    return removed


def sweep_deployments(
    home: PoolHome,
    *,
    before: float,
    existing: Callable[[Sequence[str]], Collection[str] | None],
) -> list[str]:
    """Remove what deleted deployments have left; returns their names.

    A control plane that sees the pool's folder has done it when it deleted them.

    Args:
        home: the pool's folder.
        before: what has changed since then is kept for now, as a worker of it may still run; in
            seconds since 1970.
        existing: which of some deployments exist; ``None`` when the control plane does not say.
    """
    folders = {unquote(folder.name): folder for folder in _folders(home.deployments)}
    known = existing(sorted(folders)) if folders else None
    if known is None:
        return []
    gone = [
        name
        for name in sorted(folders)
        if name not in known and _changed_at(folders[name]) < before
    ]
    for name in gone:
        remove(folders[name])
    return gone


def _changed_at(folder: Path) -> float:
    return max(_times(folder), default=0.0)


def _times(folder: Path) -> Iterator[float]:
    for path in (folder, *folder.rglob("*")):
        try:
            yield path.stat().st_mtime
        except FileNotFoundError:
            continue


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
