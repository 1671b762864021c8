from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus import FEWEST_REPOSITORIES, corpus_folder, repositories_in


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
