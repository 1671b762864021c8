"""Locations that a merge of files has lost come back: from the file, its parts, or git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagstead.errors import InvalidInputError, LayoutError
from dagstead.repository.files import read_project
from dagstead.repository.layouts.history import History, NoHistory, Version, history_of
from dagstead.repository.layouts.model import DiskTree, Layout, Migration, MigrationRequest
from dagstead.repository.layouts.restore import plan_repair
from tests.support.git import git
from tests.unit.repository.layouts.projects import MemoryTree, migrated, project_of

_FILE = "dagster_cloud.yaml"
_A = """\
# about a
locations:
  - location_name: a
    code_source: {package_name: a}
    build:
      directory: .
"""
_B = """\
locations:  # of b
- location_name: b
  code_source:
    package_name: b
"""
_PARTS = {"a/dagster_cloud.yaml": _A, "b/dagster_cloud.yaml": _B}
_MENDED = """\
# about a
locations:
  - location_name: a
    code_source: {package_name: a}
    build:
      directory: ./a
# of b
  - location_name: b
    code_source:
      package_name: b
    build:
      directory: ./b
"""


class Commits:
    """A history that a test makes up, newest first."""

    def __init__(self, *files: Mapping[str, str]) -> None:
        self._files = files

    def versions(self) -> Iterator[Version]:
        for number, files in enumerate(self._files):
            data = {path: text.encode() for path, text in files.items()}
            yield Version(commit=f"{number}" * 40, files=data)


def repaired(files: Mapping[str, str], history: History | None = None, **request: Any) -> Migration:
    data = {path: text.encode() for path, text in files.items()}
    tree = MemoryTree(data, frozenset({"a", "b"}))
    return plan_repair(
        project_of(data),
        MigrationRequest(layout=Layout.ROOT, **request),
        tree,
        history or NoHistory(),
    )


def root_of(plan: Migration) -> str:
    (change,) = plan.changes
    assert change.path == _FILE
    assert change.after is not None
    return change.after.decode()


def test_two_lists_become_one_and_folders_come_from_the_parts() -> None:
    plan = repaired({_FILE: _A + _B, **_PARTS})

    assert root_of(plan) == _MENDED
    assert plan.remarks[0] == (
        "dagster_cloud.yaml:3:5: 'a' is lost, because line 7 begins another 'locations'; it is "
        "built from 'a', as a/dagster_cloud.yaml says."
    )


def test_folders_come_from_git_when_the_parts_are_gone() -> None:
    assert root_of(repaired({_FILE: _A + _B}, Commits({_FILE: _A + _B}, _PARTS))) == _MENDED


def test_folders_come_from_a_person_when_nothing_tells() -> None:
    assert root_of(repaired({_FILE: _A + _B}, folders={"a": "a", "b": "b/"})) == _MENDED

    with pytest.raises(LayoutError) as caught:
        repaired({_FILE: _A + _B})
    first, second = caught.value.message.splitlines()
    assert first.startswith("dagster_cloud.yaml:3:5: 'a' was in a file of its own folder")
    assert second.startswith("dagster_cloud.yaml:8:3: 'b' was in a file of its own folder")
    assert first.endswith("Say --folder 'a=PATH'.")


def test_a_folder_that_is_right_already_stays() -> None:
    files = {_FILE: _A.replace("y: .", "y: a") + _A.replace("y: .", "y: b").replace(": a", ": b")}

    text = root_of(repaired(files))

    assert text.count("directory: a\n") == text.count("directory: b\n") == 1


def test_documents_that_were_put_behind_each_other_are_one_file() -> None:
    assert "location_name: b" in root_of(repaired({_FILE: f"---\n{_A}---\n{_B}", **_PARTS}))


def test_an_entry_that_is_in_both_lists_is_kept_once() -> None:
    text = root_of(repaired({_FILE: _A + _B + _A, **_PARTS}))

    assert text.count("location_name: a") == 1


def test_what_only_the_parts_have_is_added() -> None:
    whole = _MENDED.split("# of b", maxsplit=1)[0]

    plan = repaired({_FILE: whole, **_PARTS})

    assert root_of(plan) == (
        whole + "\n  # of b\n  - location_name: b\n    code_source:\n      package_name: b\n"
        "    build:\n      directory: ./b\n"
    )


def test_a_location_that_a_second_list_hid_in_git_comes_back() -> None:
    tidy = _B + "  build: {directory: b}\n"
    history = Commits({_FILE: tidy}, {_FILE: _A + _B}, _PARTS)

    plan = repaired({_FILE: tidy}, history)

    entry = "- location_name: a\n  code_source: {package_name: a}\n  build:\n    directory: ./a\n"
    assert entry in root_of(plan)
    (remark,) = plan.remarks
    assert remark.startswith("dagster_cloud.yaml of 1111111111: 'a' comes from there; a second")


def test_a_location_that_was_taken_away_comes_back_by_name() -> None:
    tidy = _B + "  build: {directory: b}\n"
    history = Commits({_FILE: tidy}, _PARTS)

    assert not repaired({_FILE: tidy}, history).changes
    assert "--location 'a' brings it back" in repaired({_FILE: tidy}, history).remarks[0]
    assert "directory: ./a" in root_of(repaired({_FILE: tidy}, history, names=frozenset({"a"})))
    with pytest.raises(InvalidInputError, match="is and was no location 'z'"):
        repaired({_FILE: tidy}, history, names=frozenset({"z"}))


def test_what_is_whole_stays() -> None:
    assert not repaired({_FILE: _MENDED}).changes
    assert not repaired(_PARTS).changes


_REFUSED = {
    "another meaning": (_A + _A.replace("package_name: a", "package_name: c"), "'a' is in"),
    "defaults": ("defaults: {image: x}\n" + _A + _B, "1:1: 'defaults' was about one of the lists"),
    "brackets": (_A + "locations: [{location_name: b}]\n", "7:1: write this list with a dash"),
    "no name": (_A + "locations:\n  - image: x\n", "8:5: this entry has no location_name"),
}


@pytest.mark.parametrize(("text", "words"), _REFUSED.values(), ids=list(_REFUSED))
def test_what_a_person_must_decide_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(LayoutError) as caught:
        repaired({_FILE: text, **_PARTS})

    assert words in caught.value.message


def test_git_is_asked_from_a_folder_of_the_repository(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for path, text in _PARTS.items():
        (data / path).parent.mkdir(parents=True)
        (data / path).write_text(text, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    for path in _PARTS:
        (data / path).unlink()
    (data / _FILE).write_text(_A + _B, encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "two")

    project = read_project(data)
    versions = list(history_of(project).versions())
    plan = plan_repair(
        project, MigrationRequest(layout=Layout.ROOT), DiskTree(project.root), history_of(project)
    )

    assert [sorted(each.files) for each in versions] == [[_FILE], sorted(_PARTS)]
    assert root_of(plan) == _MENDED


def test_outside_of_git_there_is_no_past(tmp_path: Path) -> None:
    (tmp_path / _FILE).write_text(_MENDED, encoding="utf-8")

    assert list(history_of(read_project(tmp_path)).versions()) == []


def test_comments_of_what_was_mended_and_then_moved_are_written_once() -> None:
    part = _A.replace("location_name: a", "location_name: a  # its name\n    # of the team")
    files = {_FILE: part + _B, **_PARTS, "a/dagster_cloud.yaml": part}
    mended = {**files, _FILE: root_of(repaired(files))}

    after = migrated(mended, Layout.ROOT)

    assert after == {_FILE: mended[_FILE]}
