"""What the rounds of cells have shown, as a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pytest

from tests.support.faults.verdicts import Round

#: The property of a test's report that holds its row.
PROPERTY = "fault cell"

_HEADINGS = (
    "cell",
    "faults",
    "runs",
    "ok",
    "failed",
    "hung",
    "twice",
    "wrong",
    "ticks",
    "healed s",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The counts of a cell."""

    cell: str
    faults: int
    runs: int
    succeeded: int
    failed: int
    hung: int
    twice: int
    wrong: int
    #: Of schedules that missed a tick, or made one twice.
    ticks: int
    #: After the slowest; "never" if one did not heal.
    healed: str

    def to_json(self) -> str:
        """As reports of tests carry it from one process to another."""
        return json.dumps(asdict(self))


def row_of(cell: str, rounds: Sequence[Round]) -> Row:
    """Add up the rounds of a cell."""
    verdicts = [each for one in rounds for each in one.verdicts]
    statuses = [each.trace.status for each in verdicts]
    blows = [each for one in rounds for each in one.blows]
    healed = [each.healed_seconds for each in blows if each.healed_seconds is not None]
    return Row(
        cell=cell,
        faults=len(blows),
        runs=len(verdicts),
        succeeded=statuses.count("SUCCESS"),
        failed=statuses.count("FAILURE") + statuses.count("CANCELED"),
        hung=sum(each.hung for each in verdicts),
        twice=sum(each.doubled for each in verdicts),
        wrong=sum(bool(each.wrong) for each in verdicts),
        ticks=sum(len(each.ticks) for each in rounds),
        healed=f"{max(healed):.0f}" if len(healed) == len(blows) else "never",
    )


def print_table(terminal: pytest.TerminalReporter) -> None:
    """Print the rows of all cells that were played, also of those that failed."""
    reports = [*terminal.getreports("passed"), *terminal.getreports("failed")]
    rows = sorted(
        tuple(map(str, json.loads(value).values()))
        for report in reports
        for name, value in report.user_properties
        if name == PROPERTY and report.when == "call"
    )
    if not rows:
        return
    terminal.section("faults")
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.write_line("  ".join([first, *others]).rstrip())
