"""``dagstead status``: how the control plane is, and what is wrong with what it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, print_rows

if TYPE_CHECKING:
    from dagstead.plane.problems import Problem

#: The exit code when a part is not well, or something is wrong.
_UNWELL = 1


@administers
def status(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show how the control plane is, and what is wrong with what it runs.

    First come its parts: database, leader, disk, pool, agents and tokens. The leader is the process
    that runs the daemons. Then comes what the console has as wrong: queues that nobody serves,
    agents that are down, releases that failed, locations in error, schedules that are late. "check"
    is what goes on, and somebody should look at. The exit code is 1 when a part is not well or
    something is wrong. For monitoring without a token there is the address `/health/all`, which
    answers 503 when a part is not well.

    For example: `dagstead status`
    """
    from dagstead.plane.problems import ProblemKind, Weight

    parts = plane.parts.all()
    # Parts that are not well stand among the parts.
    problems = [each for each in plane.parts.problems() if each.kind is not ProblemKind.SERVER]
    wrong = [each.weight is Weight.WRONG for each in problems]
    rows = [
        {"part": each.name, "state": "ok" if each.is_well else "not well", "says": each.says}
        for each in parts
    ]
    rows += [
        {"part": placed(each), "state": "wrong" if is_wrong else "check", "says": each.says}
        for each, is_wrong in zip(problems, wrong, strict=True)
    ]
    print_rows(rows, format_, empty="")
    if any(wrong) or not all(each.is_well for each in parts):
        raise typer.Exit(_UNWELL)


def placed(problem: Problem) -> str:
    """What a problem is, and where."""
    return (
        problem.title if problem.deployment is None else f"{problem.title} ({problem.deployment})"
    )
