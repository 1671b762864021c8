"""The compatibility page tells of every command, and what it tells was tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.client_commands import COMMANDS, Outcome, found_commands
from tests.contract.compatibility import PAGE, page

pytestmark = pytest.mark.contract

_COMPAT = Path(__file__).parents[1] / "compat"

#: Driven by the tests of agents.
_ELSEWHERE = {"dagster-cloud agent run"}

#: They need a document or a project of their own; what they send is in the contract test.
_BY_CONTRACT = {
    "dg api issue add-link",
    "dg api issue create",
    "dg api issue remove-link",
    "dg api issue update",
    "dg plus create env",
    "dg plus pull env",
}


def test_every_command_has_its_row() -> None:
    assert found_commands() == sorted(COMMANDS)


def test_what_works_or_is_refused_is_driven_by_a_test() -> None:
    """Each such command stands, in quotes, in a compat test of the command lines."""
    text = "".join(path.read_text(encoding="utf-8") for path in _COMPAT.rglob("test_cli*.py"))
    driven = set(re.findall(r'"((?:dagster-cloud|dg) [a-z -]+)"', text))
    claimed = {
        name for name, row in COMMANDS.items() if row.outcome in {Outcome.WORKS, Outcome.REFUSED}
    }
    assert claimed - driven == _ELSEWHERE | _BY_CONTRACT


def test_the_page_is_current() -> None:
    """Else: ``python -m tests.contract.compatibility``."""
    assert PAGE.read_text(encoding="utf-8") == page()
