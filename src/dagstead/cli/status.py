"""``dagstead status``: how the control plane is."""

from __future__ import annotations

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, print_rows

#: The exit code when a part is not well.
_UNWELL = 1


@administers
def status(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show how the control plane is: its database, leader, disk, pool, agents and tokens.

    The leader is the process that runs the daemons. The exit code is 1 when a part is not well. For
    monitoring without a token there is the address `/health/all`, which then answers 503.

    For example: `dagstead status`
    """
    parts = plane.parts.all()
    rows = [
        {"part": each.name, "state": "ok" if each.is_well else "not well", "says": each.says}
        for each in parts
    ]
    print_rows(rows, format_, empty="")
    if not all(each.is_well for each in parts):
        raise typer.Exit(_UNWELL)
