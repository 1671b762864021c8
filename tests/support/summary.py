"""What a test has to report beside its result, shown at the end of a run."""

from __future__ import annotations

import pytest

#: The name of the section of a test's report that is shown.
SECTION = "summary for people"


def print_summaries(terminal: pytest.TerminalReporter) -> None:
    """Print the sections of passed tests; pytest itself shows those of failed ones."""
    for report in terminal.getreports("passed"):
        for name, text in report.sections:
            if SECTION in name:
                terminal.section(report.nodeid)
                terminal.write_line(text)
