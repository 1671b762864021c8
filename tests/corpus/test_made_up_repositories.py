"""What must be found in repositories with the oddities of real ones is found, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.corpus.judged import Statement, judged
from tests.corpus.made_up import CERTAIN, FINE, FINE_WORKFLOW, MADE_UP, MadeUp
from tests.corpus.oracles import Officials, wrong_locations
from tests.support.git import git

#: The official packages use what pydantic will remove.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("made", MADE_UP, ids=lambda made: made.name)
def test_what_must_be_found_is_found_and_confirmed(made: MadeUp, tmp_path: Path) -> None:
    folder = written(made, tmp_path / "tides")

    found = judged(folder, made.name)

    check = [each for each in found.statements if each.command == "check"]
    assert counted(check, is_error=True) == made.errors
    assert counted(check, is_error=False).items() >= made.warnings.items()
    assert {name for name, _ in found.locations} == made.locations
    officials = Officials(folder)
    assert wrong_locations(found.locations, officials) == []
    for error in found.errors:
        sure = CERTAIN & {error.code, error.message.partition(" ")[0]}
        assert sure or officials.confirms(error), error


@pytest.mark.parametrize(
    ("code", "file", "line", "message"),
    [
        ("DS111", "dagster_cloud.yaml", 2, "'queue' is not a key of a location"),
        ("DS240", "dagster_cloud.yaml", 2, "there is no folder '.' of 'tides'"),
        ("DS260", "dagster_cloud.yaml", 2, "'tides' is built as a PEX file, and '.' has nothing"),
        ("DS302", "pyproject.toml", 1, "'name' is not a key of tool.dg"),
        ("DW101", FINE_WORKFLOW, 1, "this workflow cannot be read"),
        ("DW143", FINE_WORKFLOW, 6, "GitHub has retired ubuntu-24.04"),
        ("DW146", FINE_WORKFLOW, 8, "'dagster-cloud ci init' does not exist"),
        ("DW146", FINE_WORKFLOW, 9, "'dg plus deploy start' does not exist"),
        ("DW146", FINE_WORKFLOW, 9, "'dg plus deploy begin' does not exist"),
        ("unserved", "dagster_cloud.yaml", 2, "nobody will run tides in prod"),
    ],
)
def test_an_oracle_confirms_nothing_that_is_not_so(
    tmp_path: Path, code: str, file: str, line: int, message: str
) -> None:
    folder = written(FINE, tmp_path / "tides")
    statement = Statement(
        command="check", code=code, is_error=True, message=message, file=file, line=line
    )

    assert not Officials(folder).confirms(statement)


def written(made: MadeUp, folder: Path) -> Path:
    for path, text in made.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all", "--force")
    return folder


def counted(statements: list[Statement], *, is_error: bool) -> Counter[str]:
    return Counter(each.code for each in statements if each.is_error is is_error)
