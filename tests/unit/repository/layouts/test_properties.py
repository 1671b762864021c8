"""Any project survives a change of its layout, there and back."""

from __future__ import annotations

from hypothesis import given, settings

from dagstead.repository.layouts.model import Layout
from dagstead.repository.layouts.proof import differences
from tests.unit.repository.layouts.projects import comments, migrated, project_of, root_files

_FILE = "dagster_cloud.yaml"


@settings(max_examples=15)
@given(data=root_files())
def test_locations_and_comments_survive_there_and_back(data: bytes) -> None:
    before = {_FILE: data.decode()}

    apart = migrated(before, Layout.PER_LOCATION)
    back = migrated(apart, Layout.ROOT)

    assert list(back) == [_FILE]
    assert _FILE not in apart
    read = [project_of({p: t.encode() for p, t in each.items()}) for each in (before, apart, back)]
    assert len(read[0].locations) == len(apart)
    assert differences(read[0], read[1]) == []
    assert differences(read[0], read[2]) == []
    assert set(comments(before)) <= set(comments(apart))
    assert set(comments(before)) <= set(comments(back))
    assert all(
        text.startswith("\ufeff") == data.decode().startswith("\ufeff") for text in apart.values()
    )


@settings(max_examples=15)
@given(data=root_files())
def test_a_project_that_is_there_already_keeps_every_byte(data: bytes) -> None:
    before = {_FILE: data.decode()}

    assert migrated(before, Layout.ROOT) == before
    apart = migrated(before, Layout.PER_LOCATION)
    assert migrated(apart, Layout.PER_LOCATION) == apart


@settings(max_examples=15)
@given(data=root_files(plain=True))
def test_locations_and_comments_survive_as_dg_projects_and_back(data: bytes) -> None:
    before = {_FILE: data.decode(), "a/pyproject.toml": "[project]\nname = 'a'\n"}

    projects = migrated(before, Layout.DG)
    back = migrated(projects, Layout.ROOT, remove_dg=True)

    assert _FILE not in projects
    assert sorted(back) == ["a/pyproject.toml", _FILE]
    assert back["a/pyproject.toml"] == before["a/pyproject.toml"]
    read = [project_of({p: t.encode() for p, t in each.items()}) for each in (before, back)]
    assert differences(*read) == []
    assert set(comments(before)) <= set(comments(projects))
    assert set(comments(before)) <= set(comments(back))


@settings(max_examples=15)
@given(data=root_files())
def test_locations_and_comments_survive_defaults(data: bytes) -> None:
    before = {_FILE: data.decode()}

    factored = migrated(before, Layout.ROOT, factor_defaults=True)
    expanded = migrated(factored, Layout.ROOT, factor_defaults=False)

    assert "defaults:" not in expanded[_FILE]
    read = [project_of({p: t.encode() for p, t in e.items()}) for e in (before, expanded)]
    assert differences(*read) == []
    assert set(comments(before)) <= set(comments(expanded))
