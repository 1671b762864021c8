"""The compatibility page has a row for every command, and each outcome is what a test saw."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.contract.client_commands import NOTES, Outcome, found_commands, outcome_of, row
from tests.contract.compatibility import PAGE, page
from tests.support.command_records import FIXTURES, Record, Seen, all_records, difference

pytestmark = pytest.mark.contract

#: Where official commands are driven.
_FOLDERS = [Path(__file__).parents[1] / name for name in ("compat", "containers")]


def test_only_commands_that_there_are_have_records_and_notes() -> None:
    found = {command.name for command in found_commands()}

    assert {record.seen.command for record in all_records()} - found == set()
    assert set(NOTES) - found == set()


def test_hidden_commands_have_rows() -> None:
    hidden = [command.name for command in found_commands() if command.hidden]
    text = page()

    assert "dagster-cloud workspace list" in hidden
    assert "dagster-cloud serverless registry-info" in hidden
    assert [name for name in hidden if f"| `{name}` |" not in text] == []


def test_what_is_recorded_is_driven_by_a_test_that_there_is() -> None:
    """Its file has the test, and the command in quotes."""
    texts = {
        path.stem: path.read_text(encoding="utf-8")
        for folder in _FOLDERS
        for path in folder.rglob("test_*.py")
    }
    tests = {stem: _functions(text) for stem, text in texts.items()}

    def stale(record: Record) -> bool:
        test, _, _ = record.test.partition("[")
        driven = re.escape(f'"{record.seen.command}"')
        return test not in tests[record.file] or not re.search(driven, texts[record.file])

    records = list(all_records())
    assert records
    assert [record for record in records if stale(record)] == []


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ([], Outcome.NOT_TRIED),
        ([Seen(command="a", exit_code=0), Seen(command="a", exit_code=1)], Outcome.WORKS),
        ([Seen(command="a", exit_code=None)], Outcome.WORKS),
        ([Seen(command="a", exit_code=0, served=False)], Outcome.LOCAL),
        ([Seen(command="a", exit_code=1)], Outcome.FAILS),
        ([Seen(command="a", exit_code=0, refusal="No.")], Outcome.REFUSED),
    ],
)
def test_the_outcome_is_what_tests_saw(seen: list[Seen], outcome: Outcome) -> None:
    assert outcome_of(seen) is outcome


def test_a_refused_command_has_the_sentence_that_was_seen_in_its_row() -> None:
    [command, *_] = found_commands()

    assert "| No. |" in row(command, [Seen(command=command.name, exit_code=1, refusal="No.")])


def test_a_test_that_sees_something_else_is_given_both(tmp_path: Path) -> None:
    seen = Seen(command="dg api run list", exit_code=3)

    found = difference(tmp_path / "test_none.py", "test_new", [seen])

    assert '"exit_code": 3' in found
    assert "--write-records" in found


def test_the_page_is_current() -> None:
    """Else: ``python -m tests.contract.compatibility``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def _functions(text: str) -> set[str]:
    functions = {
        node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)
    }
    return functions | {FIXTURES}
