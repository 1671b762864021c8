"""All files are written or none, and every byte comes back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dagstead.errors import JournalError
from dagstead.repository.layouts.journal import Journal
from dagstead.repository.layouts.model import FileChange

CHANGES = (
    FileChange(path="gone.yaml", before=b"old\r\n", after=None),
    FileChange(path="kept.yaml", before=b"one", after=b"two"),
    FileChange(path="new/deep/made.yaml", before=None, after=b"\xef\xbb\xbfmade"),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "gone.yaml").write_bytes(b"old\r\n")
    (tmp_path / "kept.yaml").write_bytes(b"one")
    (tmp_path / "kept.yaml").chmod(0o640)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """Everything but the journal."""
    found = (each for each in folder.rglob("*") if each.is_file() and ".git" not in each.parts)
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


_BEFORE = {"gone.yaml": b"old\r\n", "kept.yaml": b"one"}
_AFTER = {"kept.yaml": b"two", "new/deep/made.yaml": b"\xef\xbb\xbfmade"}


def test_what_was_written_is_taken_back_to_the_byte(repository: Path) -> None:
    journal = Journal(repository)

    journal.write(CHANGES)
    assert files(repository) == _AFTER
    assert stat.S_IMODE((repository / "kept.yaml").stat().st_mode) == 0o640

    assert sorted(journal.undo()) == ["gone.yaml", "kept.yaml", "new/deep/made.yaml"]
    assert files(repository) == _BEFORE
    assert stat.S_IMODE((repository / "kept.yaml").stat().st_mode) == 0o640
    assert not (repository / "new").exists()


def test_changes_are_taken_back_one_after_the_other(repository: Path) -> None:
    journal = Journal(repository)
    journal.write(CHANGES)
    journal.write([FileChange(path="kept.yaml", before=b"two", after=b"three")])

    journal.undo()
    assert files(repository) == _AFTER
    journal.undo()
    assert files(repository) == _BEFORE
    with pytest.raises(JournalError, match="nothing to undo"):
        journal.undo()


def test_nothing_is_taken_back_over_an_edit(repository: Path) -> None:
    journal = Journal(repository)
    journal.write(CHANGES)
    (repository / "kept.yaml").write_bytes(b"edited")

    with pytest.raises(JournalError, match="Edited since: kept.yaml"):
        journal.undo()
    assert files(repository) == {**_AFTER, "kept.yaml": b"edited"}


def test_nothing_is_written_over_what_changed_meanwhile(repository: Path) -> None:
    (repository / "kept.yaml").write_bytes(b"edited")

    with pytest.raises(JournalError, match="Changed in the meantime: kept.yaml"):
        Journal(repository).write(CHANGES)
    assert files(repository) == {**_BEFORE, "kept.yaml": b"edited"}


def test_a_link_is_not_replaced(repository: Path) -> None:
    (repository / "kept.yaml").rename(repository / "real.yaml")
    (repository / "kept.yaml").symlink_to("real.yaml")

    with pytest.raises(JournalError, match="A link"):
        Journal(repository).write(CHANGES)


class _Crashing(Journal):
    """Ends before it puts the file of a number."""

    def __init__(self, repository: Path, at: int) -> None:
        super().__init__(repository)
        self._left = at

    def _put(self, path: str, data: bytes | None, mode: int) -> None:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        super()._put(path, data, mode)


@pytest.fixture(params=range(3))
def crashed(repository: Path, request: pytest.FixtureRequest) -> Path:
    with pytest.raises(KeyboardInterrupt):
        _Crashing(repository, request.param).write(CHANGES)
    return repository


def test_after_a_crash_nothing_else_is_written(crashed: Path) -> None:
    with pytest.raises(JournalError, match="--resume"):
        Journal(crashed).write([])


def test_a_crash_in_the_middle_is_finished(crashed: Path) -> None:
    Journal(crashed).finish()

    assert files(crashed) == _AFTER


def test_a_crash_in_the_middle_is_taken_back(crashed: Path) -> None:
    Journal(crashed).undo()

    assert files(crashed) == _BEFORE


def test_a_crash_while_taking_back_is_taken_back_again(repository: Path) -> None:
    Journal(repository).write(CHANGES)
    with pytest.raises(KeyboardInterrupt):
        _Crashing(repository, 1).undo()

    Journal(repository).undo()

    assert files(repository) == _BEFORE


@pytest.mark.parametrize("git", ["folder", "worktree", "none"])
def test_the_journal_lies_where_git_does_not_look(git: str, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    places = {"folder": ".git/dagstead", "worktree": "../elsewhere/dagstead", "none": ".dagstead"}
    if git == "folder":
        (repository / ".git").mkdir()
    if git == "worktree":
        (tmp_path / "elsewhere").mkdir()
        (repository / ".git").write_text("gitdir: ../elsewhere\n", encoding="utf-8")

    Journal(repository).write([FileChange(path="a", before=None, after=b"")])

    assert (repository / places[git] / "undo" / "0001" / "journal.json").is_file()
