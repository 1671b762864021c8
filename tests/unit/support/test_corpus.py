from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus import (
    FEWEST_REPOSITORIES,
    LISTING,
    corpus_folder,
    repositories_in,
    stand_in,
)
from tests.support.git import git


def test_a_missing_corpus_is_an_error_with_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        repositories_in(tmp_path / "none")

    for part in ("DAGSTEAD_CORPUS", "--without-corpus", str(tmp_path / "none")):
        assert part in str(missing.value)


def test_a_folder_with_few_repositories_is_not_the_corpus(tmp_path: Path) -> None:
    for number in range(FEWEST_REPOSITORIES):
        with pytest.raises(FileNotFoundError, match=f"it has {number} folders"):
            repositories_in(tmp_path)
        (tmp_path / f"{number:03}").mkdir()

    assert len(repositories_in(tmp_path)) == FEWEST_REPOSITORIES


def test_the_variable_says_where_the_corpus_is(tmp_path: Path) -> None:
    assert corpus_folder({"DAGSTEAD_CORPUS": str(tmp_path)}) == tmp_path
    assert corpus_folder({}).parts[-2:] == ("shared", "corpus")


def test_a_stand_in_has_every_file_of_the_repository(tmp_path: Path) -> None:
    kept = tmp_path / "corpus" / "ada+tides"
    (kept / "infra").mkdir(parents=True)
    (kept / "dagster_cloud.yaml").write_text("locations: []\r\n", encoding="utf-8", newline="")
    (kept / "build.yaml").write_text("registry: registry.example.com/tides\n", encoding="utf-8")
    listed = "build.yaml dagster_cloud.yaml infra/dg.toml pyproject.toml src/tides/__init__.py"
    (kept / LISTING).write_text("\n".join(listed.split()), encoding="utf-8")

    made = stand_in(kept, tmp_path / "made")

    assert made == tmp_path / "made" / "ada" / "tides"
    assert git(made, "ls-files").split() == listed.split()
    assert (made / "dagster_cloud.yaml").read_bytes() == b"locations: []\r\n"
    assert (made / "src" / "tides" / "__init__.py").read_bytes() == b""
    for path, part in (("pyproject.toml", "root_module"), ("infra/dg.toml", "[workspace]")):
        assert part in (made / path).read_text(encoding="utf-8")
