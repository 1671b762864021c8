"""Commands say in one line which file does not count, where somebody may wonder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command

_CLOUD = "locations:\n  - location_name: {0}\n    code_source: {{module_name: {0}}}\n"
_FILES = {
    "dagster_cloud.yaml": _CLOUD.format("pier"),
    "pyproject.toml": '[project]\nname = "pier"\nversion = "1"\n'
    'dependencies = ["dagster", "dagster-cloud"]\n',
    "pier.py": "",
    "{{ name }}/dagster_cloud.yaml": "locations: {{ all }}\n",
}
_OTHERS = {f"{each}/dagster_cloud.yaml": _CLOUD.format(each) for each in ("buoy", "crane")}
_NOTE = (
    "note: buoy/dagster_cloud.yaml is not deployed: dagster_cloud.yaml, which is at the root, is. "
    "The same goes for 1 more file.\n"
)


def written(folder: Path, *files: Mapping[str, str]) -> Path:
    for path, text in {path: text for each in files for path, text in each.items()}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("words", [("check",), ("plan",), ("explain", "pier")])
def test_a_file_that_could_be_meant_is_named(
    tmp_path: Path, dagstead: Command, words: tuple[str, ...]
) -> None:
    said = dagstead(*words, str(written(tmp_path, _FILES, _OTHERS)))

    assert said.code == 0, said
    assert _NOTE in said.err
    assert "buoy" not in said.out


@pytest.mark.parametrize("words", [("check",), ("plan",), ("explain", "pier")])
def test_a_template_is_worth_no_word(
    tmp_path: Path, dagstead: Command, words: tuple[str, ...]
) -> None:
    said = dagstead(*words, str(written(tmp_path, _FILES)))

    assert said.code == 0, said
    assert "is not deployed" not in said.err


@pytest.mark.parametrize("words", [("plan",), ("routes",), ("workflow", "generate")])
def test_where_nothing_is_left_the_reason_is_said(
    tmp_path: Path, dagstead: Command, words: tuple[str, ...]
) -> None:
    files = {"tests/data/dagster_cloud.yaml": _CLOUD.format("probe")}

    said = dagstead(*words, str(written(tmp_path, files)))

    assert said.code == 2
    reason = "tests/data/dagster_cloud.yaml is not deployed: it is an input of tests."
    assert reason in said.err


def test_each_command_speaks_of_the_same_locations(tmp_path: Path, dagstead: Command) -> None:
    step = "      - run: dagster-cloud ci init --project-dir crane\n"
    workflow = f"on: push\njobs:\n  ship:\n    runs-on: x\n    steps:\n{step}"
    root = written(tmp_path, _FILES, _OTHERS, {".github/workflows/ship.yml": workflow})
    (root / ".git").mkdir()
    (root / "crane/requirements.txt").write_text("dagster\ndagster-cloud\n", encoding="utf-8")

    assert dagstead("explain", "crane", str(root)).code == 0
    assert dagstead("explain", "pier", str(root)).code == 2
    for words in (("plan",), ("routes",)):
        said = dagstead(*words, str(root))
        assert [line.split("\t")[0] for line in said.out.splitlines()[1:]] == ["crane"], said
