"""A process imports what it needs, and nothing that takes seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.environments import REPOSITORY


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("dagstead.cli.app", {"dagster", "sqlalchemy", "starlette", "pydantic"}),
        # Only what it supervises has to.
        ("dagstead.server.supervisor", {"dagster", "dagster_cloud", "graphql", "starlette"}),
        # It is replaced by the official agent, which imports them anew.
        ("dagstead.server.pool", {"dagster", "dagster_cloud", "graphql", "starlette"}),
    ],
)
def test_a_command_starts_without_dagster(module: str, slow: set[str]) -> None:
    """Importing Dagster takes seconds: `--help`, lists, `up` and `pool` must not."""
    code = f"import sys; import {module}; print(sorted({slow} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_reading_does_not_import_dagster() -> None:
    code = (
        "import sys, pathlib, dagstead.cli.check\n"
        "from dagstead.repository.rules.checking import check\n"
        "from dagstead.repository.files import read_project\n"
        "check(read_project(pathlib.Path(sys.argv[1])))\n"
        "print([name for name in sys.modules if name.split('.')[0].startswith('dagster')])\n"
    )
    example = REPOSITORY / "examples" / "monorepo"

    done = subprocess.run(
        [sys.executable, "-c", code, str(example)], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"
