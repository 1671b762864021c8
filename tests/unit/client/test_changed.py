"""What is deployed when only what has changed is: compared with what is live, not with a push."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.client.changed import ChangedLocation, LiveComparison
from dagstead.client.releases import LiveLocation
from tests.support.git import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    entries = ""
    for name in ("weather", "digits"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("x = 1\n", encoding="utf-8")
        entries += (
            f"  - location_name: {name}\n    code_source: {{module_name: code}}\n"
            f"    build: {{directory: {name}}}\n"
        )
    (tmp_path / "dagster_cloud.yaml").write_text(f"locations:\n{entries}", encoding="utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "First")
    return tmp_path


def live(location: str, commit: str | None, *, notice: str | None = None) -> LiveLocation:
    return LiveLocation(
        location=location,
        queue=None,
        release=4,
        commit_hash=commit,
        is_loading=False,
        notice=notice,
    )


def compare(repository: Path) -> LiveComparison:
    return LiveComparison(path=repository, names=("weather", "digits"))


def test_each_location_is_compared_with_its_own_commit(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "weather" / "code.py").write_text("x = 2\n", encoding="utf-8")
    git(repository, "commit", "-qam", "Change weather")
    second = git(repository, "rev-parse", "HEAD")

    of_first = compare(repository).with_live([live("weather", first), live("digits", first)])
    assert [each.location for each in of_first] == ["weather"]
    assert "weather/code.py" in of_first[0].reason
    assert compare(repository).with_live([live("weather", second), live("digits", first)]) == []


def test_what_never_went_live_or_went_back_is_deployed(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    found = compare(repository).with_live([live("digits", head, notice="Release 5 failed.")])
    assert found == [
        ChangedLocation(location="weather", reason="it has never been live"),
        ChangedLocation(location="digits", reason="its last release did not go live"),
    ]


def test_what_cannot_be_known_is_deployed(repository: Path) -> None:
    found = compare(repository).with_live([live("weather", "1" * 40), live("digits", None)])
    assert found == [
        ChangedLocation(location="weather", reason="its commit 111111111111 is not in this clone"),
        ChangedLocation(location="digits", reason="release 4 does not say which commit it is of"),
    ]


def test_a_commit_can_be_named(repository: Path) -> None:
    (repository / "digits" / "code.py").write_text("x = 2\n", encoding="utf-8")
    assert [each.location for each in compare(repository).since("HEAD")] == ["digits"]
