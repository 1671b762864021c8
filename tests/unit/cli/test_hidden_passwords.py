from __future__ import annotations

import pytest

from dagstead.cli.hidden_passwords import without_password

SECRET = "postgresql://me:pw@db/plane"
OPEN = "postgresql://me@db/plane"


@pytest.mark.parametrize(
    ("arguments", "left", "address"),
    [
        (["up", "--database", SECRET, "--no-pool"], ["up", "--no-pool"], SECRET),
        (["up", f"--database={SECRET}"], ["up"], SECRET),
        (["up", f"--database={OPEN}?password=pw"], ["up"], f"{OPEN}?password=pw"),
        # The last one counts, as without this.
        (["up", "--database", SECRET, f"--database={SECRET}2"], ["up"], f"{SECRET}2"),
        (["up", "--database", OPEN], ["up", "--database", OPEN], None),
        (["up", f"--database={OPEN}"], ["up", f"--database={OPEN}"], None),
        (["up", "--database"], ["up", "--database", ""], None),
        (["up", "--database", "http://["], ["up", "--database", "http://["], None),
        (["x", "--", "--database", SECRET], ["x", "--", "--database", SECRET], None),
        ([], [], None),
    ],
)
def test_an_address_with_a_password_leaves_the_arguments(
    arguments: list[str], left: list[str], address: str | None
) -> None:
    assert without_password(arguments) == (left, address)
