"""What git can say about a repository, and what follows for locations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dagstead.errors import DagsteadError, GitError, InvalidInputError
from tests.unit.repository.changes.git_repositories import Repository, cloud, names

TWO = {"dagster_cloud.yaml": cloud(a="a", b="b"), "a/x.py": "", "b/y.py": "", "README": ""}


@pytest.fixture
def two(tmp_path: Path) -> Repository:
    return Repository.made(tmp_path / "r", TWO)


def test_nothing_touches_nothing(two: Repository) -> None:
    assert two.touched("HEAD") == set()


def test_a_file_in_a_folder_touches_its_location_alone(two: Repository) -> None:
    two.commit({"a/x.py": "1", "README": "1"})

    assert two.touched("HEAD~1") == {"a"}
    assert two.touched("HEAD~1", committed=True) == {"a"}


def test_what_is_not_committed_counts_unless_left_out(two: Repository) -> None:
    two.write({"a/x.py": "1", "b/new.py": ""})

    assert two.touched() == {"a", "b"}
    assert two.touched(committed=True) == set()


def test_what_is_staged_counts(two: Repository) -> None:
    two.write({"a/x.py": "1"})
    two.git("add", "--all")

    assert two.touched() == {"a"}


def test_ignored_files_count_for_nothing_and_exceptions_to_that_do(two: Repository) -> None:
    two.commit({".gitignore": "*.log\n!b/keep.log\n"})
    two.write({"a/new.log": "", "b/keep.log": ""})

    assert two.touched() == {"b"}


def test_a_file_whose_time_alone_differs_is_no_change(two: Repository) -> None:
    os.utime(two.root / "a" / "x.py", (1, 1))

    assert two.touched() == set()


def test_both_sides_of_a_rename_count(two: Repository) -> None:
    two.write({"a/moved.py": "some text that is long enough\n" * 5})
    two.commit()
    two.git("mv", "a/moved.py", "b/moved.py")

    changes = two.changes()

    assert names(changes) == {"a", "b"}
    assert {(each.path, each.other) for each in changes.changes} == {
        ("a/moved.py", "b/moved.py"),
        ("b/moved.py", "a/moved.py"),
    }


def test_a_deleted_file_touches(two: Repository) -> None:
    two.commit({"b/y.py": None})

    assert two.touched("HEAD~1") == {"b"}


def test_a_location_that_is_gone_is_reported(two: Repository) -> None:
    two.commit({"dagster_cloud.yaml": cloud(a="a"), "b/y.py": None})

    changes = two.changes("HEAD~1")

    assert names(changes) == set()
    assert [(each.name, each.position.line) for each in changes.gone] == [("b", 5)]


def test_the_last_location_can_be_gone(two: Repository) -> None:
    two.commit({"dagster_cloud.yaml": None})

    assert {each.name for each in two.changes("HEAD~1").gone} == {"a", "b"}


def test_names_that_are_hard_to_quote(two: Repository) -> None:
    two.write({'a/é "x"\ty.py': "", "b/line\nbreak.py": ""})
    (two.root / "a" / os.fsdecode(b"caf\xe9.py")).write_bytes(b"")

    changes = two.changes()

    assert names(changes) == {"a", "b"}
    paths = {each.path for each in changes.changes}
    assert paths == {'a/é "x"\ty.py', "b/line\nbreak.py", os.fsdecode(b"a/caf\xe9.py")}


def test_a_project_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    files = {f"data/{path}": text for path, text in TWO.items()}
    repository = Repository.made(tmp_path / "r", files)
    repository.commit({"data/a/x.py": "1", "a/x.py": "", "dagster_cloud.yaml": ""})

    assert repository.touched("HEAD~1", "data") == {"a"}
    assert repository.touched("HEAD~1", "data", committed=True) == {"a"}


def test_one_file_alone_can_be_asked_about(two: Repository) -> None:
    two.commit({"b/dagster_cloud.yaml": cloud(c="."), "b/z.py": "1"})

    assert two.touched("HEAD~1", "b/dagster_cloud.yaml") == {"c"}
    assert two.touched("HEAD~1", "b/dagster_cloud.yaml", committed=True) == {"c"}


def test_everything_is_new_since_the_empty_tree(two: Repository) -> None:
    empty = two.git("hash-object", "-t", "tree", "/dev/null")

    assert two.touched(empty) == {"a", "b"}
    assert two.touched("0" * 40) == {"a", "b"}


def test_a_merge_counts_by_what_it_brought(two: Repository) -> None:
    two.git("checkout", "--quiet", "-b", "side")
    two.commit({"b/y.py": "1"})
    two.git("checkout", "--quiet", "main")
    two.commit({"a/x.py": "1"})
    two.git("merge", "--quiet", "--no-edit", "side")

    assert two.touched("HEAD~1") == {"b"}
    assert two.touched("HEAD^2") == {"a"}


def test_the_merge_base_leaves_out_what_the_other_side_did(two: Repository) -> None:
    two.git("checkout", "--quiet", "-b", "side")
    two.commit({"b/y.py": "1"})
    two.git("checkout", "--quiet", "main")
    two.commit({"a/x.py": "1"})
    two.git("checkout", "--quiet", "side")

    exact = two.changes("main")

    assert names(exact) == {"a", "b"}
    assert "'main' is not an ancestor of HEAD" in exact.remarks[0]
    assert two.touched("main...") == {"b"}
    assert two.touched("main", merge_base=True) == {"b"}
    assert two.changes("main...").remarks == ()


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("", "--since is empty"),
        ("nowhere", "no commit 'nowhere' here"),
        ("--output=x", "no commit '--output=x' here"),
        ("HEAD~1..HEAD", "is a range"),
        ("nowhere...", "no commit 'nowhere' here"),
    ],
)
def test_a_revision_that_is_none_is_refused(since: str, said: str, two: Repository) -> None:
    with pytest.raises(InvalidInputError, match=said):
        two.changes(since)

    assert not (two.root / "x").exists()


def test_a_shallow_clone_says_how_to_get_the_rest(two: Repository, tmp_path: Path) -> None:
    two.commit({"a/x.py": "1"})
    first = two.git("rev-parse", "HEAD~1")
    address = two.root.as_uri()
    two.git("clone", "--quiet", "--depth", "1", address, str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")

    with pytest.raises(InvalidInputError, match="git fetch --unshallow origin") as raised:
        clone.changes(first)
    assert "git fetch --deepen=" in str(raised.value)
    assert "fetch-depth: 0" in str(raised.value)

    clone.git("fetch", "--quiet", "--unshallow", "origin")
    assert clone.touched(first) == {"a"}


def test_histories_without_a_common_commit_have_no_merge_base(two: Repository) -> None:
    two.git("checkout", "--quiet", "--orphan", "other")
    two.commit({"a/x.py": "other"})

    with pytest.raises(InvalidInputError, match="no common commit"):
        two.changes("main...")


def test_a_repository_without_commits(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.git("init", "--quiet")
    repository.write(TWO)

    with pytest.raises(InvalidInputError, match="no commit yet"):
        repository.changes("HEAD")
    assert repository.touched("0" * 40) == {"a", "b"}


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Repository(tmp_path).write(TWO)

    with pytest.raises(InvalidInputError, match="not in a git repository"):
        Repository(tmp_path).changes()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="no program `git`"):
        Repository(tmp_path).changes()


def test_the_users_settings_change_nothing(two: Repository, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n", encoding="utf-8")
    program.chmod(0o755)
    for key, value in {
        "diff.external": str(program),
        "diff.noprefix": "true",
        "diff.orderFile": "nowhere",
        "diff.relative": "true",
        "diff.renames": "false",
        "color.ui": "always",
        "core.fsmonitor": str(program),
        "core.pager": str(program),
        "core.quotePath": "true",
    }.items():
        two.git("config", key, value)
    two.write({"a/é.py": "", "b/y.py": "1"})
    two.git("add", "--all")
    ran.unlink(missing_ok=True)

    changes = two.changes(folder=".")

    assert {each.path for each in changes.changes} == {"a/é.py", "b/y.py"}
    assert not ran.exists()


def test_a_hook_of_git_does_not_lead_elsewhere(
    two: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository.made(tmp_path / "other", {})
    two.write({"a/x.py": "1"})
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))

    assert two.touched() == {"a"}


def test_a_submodule_that_moved_touches_what_lies_in_it_and_around_it(tmp_path: Path) -> None:
    inner = Repository.made(tmp_path / "inner", {"loc/x.py": "", "dagster_cloud.yaml": ""})
    files = {"dagster_cloud.yaml": cloud(inside="sub/loc", around="c", apart="d"), "d/x": ""}
    outer = Repository.made(tmp_path / "outer", files)
    allow = ("-c", "protocol.file.allow=always")
    outer.git(*allow, "submodule", "--quiet", "add", str(inner.root), "sub")
    outer.git(*allow, "submodule", "--quiet", "add", str(inner.root), "c/sub")
    outer.commit()
    assert outer.touched() == set()

    for path in ("sub", "c/sub"):
        Repository(outer.root / path).commit({"loc/x.py": "1"})

    assert outer.touched() == {"inside", "around"}
    outer.commit()
    assert outer.touched("HEAD~1") == {"inside", "around"}
    assert outer.touched("HEAD~1", committed=True) == {"inside", "around"}


def test_a_repository_inside_that_is_no_submodule_counts_as_a_whole(two: Repository) -> None:
    Repository.made(two.root / "a" / "nested", {"deep/x": ""})

    assert two.touched() == {"a"}


def test_a_configuration_that_cannot_be_read_is_reported(two: Repository) -> None:
    two.write({"dagster_cloud.yaml": "locations: [\n"})

    with pytest.raises(DagsteadError, match=r"dagster_cloud\.yaml cannot be read"):
        two.changes()


def test_a_sparse_checkout_is_reported(two: Repository) -> None:
    two.git("sparse-checkout", "set", "a")

    changes = two.changes()

    assert "--committed" in changes.remarks[0]
    assert two.changes(committed=True).remarks == ()


def test_without_locations_there_is_no_answer(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {"README": ""})

    with pytest.raises(InvalidInputError, match="no code location"):
        repository.changes()
