"""Which indexes and versions the files of requirements may name."""

from __future__ import annotations

from pathlib import Path

from dagstead.build.pip_files import names_more_indexes
from dagstead.build.requirements import OLDEST_DAGSTER
from tests.support.build_site import Repository


def test_more_indexes_are_found_in_files_that_are_included(repository: Repository) -> None:
    repository.write(
        {
            "plain.txt": "# --extra-index-url https://example.com/simple\ndagster\n",
            "requirements.txt": "-r more/base.txt\n",
            "more/base.txt": "-r ../requirements.txt\n-c pins.txt\n",
            "more/pins.txt": "  --extra-index-url=https://example.com/simple\n",
        }
    )

    assert names_more_indexes(repository.root / "requirements.txt")
    assert not names_more_indexes(repository.root / "plain.txt")
    assert not names_more_indexes(repository.root / "missing.txt")


def test_the_oldest_dagster_is_that_of_the_oldest_agents_that_are_tested() -> None:
    locks = Path(__file__).parents[3] / "requirements"
    minors = [each.stem.removeprefix("agent-") for each in locks.glob("agent-*.in")]

    assert min(minors, key=lambda minor: [*map(int, minor.split("."))]) == str(OLDEST_DAGSTER)
