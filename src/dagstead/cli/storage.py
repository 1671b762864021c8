"""``dagstead storage``: what is stored, why it is kept, and what the next sweep removes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.plane.storage import KindReport, StorageReport, StoredItem

_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1000


@administers
def storage(
    plane: Administration,
    *,
    names: Annotated[
        bool, typer.Option("--names", help="List what the next sweep removes, one by one.")
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Remove it now, and show what is left.")
    ] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show what is stored, why it is kept, and what the next sweep removes.

    Nothing is removed that a location, a release that is loading, an earlier release that is kept,
    or a run that has not ended needs. The rest is removed when it is older than `keep_days` and
    beyond the newest `keep_releases` and `keep_runs` of its deployment. The daemon sweeps every
    `sweep_hours`. Without --sweep this command changes nothing.

    For example:

    - `dagstead storage`

    - `dagstead storage --names`

    - `dagstead storage --sweep`
    """
    report = plane.storage.sweep() if sweep else plane.storage.report()
    if format_ is Format.JSON:
        kinds = [_kind(each) for each in report.kinds]
        items = [_item(each) for each in report.removable]
        print_json({"kinds": kinds, "removed" if sweep else "next_sweep": items})
    elif names:
        rows = [_in_words(_item(each)) for each in report.removable]
        print_rows(rows, format_, empty="There is nothing to list.")
    else:
        rows = [_in_words(_kind(each)) for each in report.kinds]
        print_rows(rows, format_, empty="Nothing is stored yet.")
    say(_remark(report, swept=sweep), err=True)


def _kind(report: KindReport) -> Mapping[str, Any]:
    return {
        "kind": str(report.kind),
        "count": report.count,
        "size": report.size,
        "oldest": moment(report.oldest),
        "kept": dict(report.kept),
        "next_sweep": report.removable,
        "next_sweep_size": report.removable_size,
    }


def _item(stored: StoredItem) -> Mapping[str, Any]:
    return {
        "kind": str(stored.kind),
        "deployment": stored.deployment,
        "name": stored.name,
        "size": stored.size,
        "last_needed": moment(stored.needed_at),
    }


def _in_words(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row for people: sizes in units, reasons as a list."""
    words: dict[str, Any] = {
        name: _size(row[name]) for name in ("size", "next_sweep_size") if name in row
    }
    if "kept" in row:
        words["kept"] = [f"{count} {why}" for why, count in row["kept"].items()]
    return {**row, **words}


def _remark(report: StorageReport, *, swept: bool) -> str:
    freed = _size(sum(each.size or 0 for each in report.removable))
    count = len(report.removable)
    if swept:
        return f"Removed {count}, with {freed}." if count else "There was nothing to remove."
    if not count:
        return "The next sweep removes nothing."
    return (
        f"The next sweep removes {count}, with {freed}. List them with `dagstead storage --names`, "
        "or remove them now with `dagstead storage --sweep`."
    )


def _size(size: int | None) -> str | None:
    if size is None:
        return None
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"
