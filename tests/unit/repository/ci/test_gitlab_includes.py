"""Pipelines of GitLab that are made of several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.repository.ci.followed import examine, followed

_STEPS = """\
  image: python:3.12
  rules: [{if: $CI_COMMIT_BRANCH == "main"}]
  script:
    - dagster-cloud ci init --project-dir . --deployment prod --location-name $PLACE
    - dagster-cloud ci build --build-strategy python-executable
    - dagster-cloud ci deploy
"""


@pytest.mark.parametrize(
    "include",
    [
        "ci/ship.yml",
        "/ci/ship.yml",
        "[ci/ship.yml]",
        "[{local: /ci/ship.yml, rules: [{if: $CI}]}]",
        "{local: ci/*.yml}",
        "ci/more/outer.yml",
    ],
)
def test_what_a_pipeline_includes_is_a_part_of_it(include: str, tmp_path: Path) -> None:
    files = {
        ".gitlab-ci.yml": f"include: {include}\nship:\n  extends: .ship\n"
        "  variables: {PLACE: etl}\n",
        "ci/ship.yml": f".ship:\n{_STEPS}",
        "ci/more/outer.yml": "include: ci/ship.yml\n",
    }
    found = followed(tmp_path, files)
    assert [each for each in found.deployers if found.deployers[each]] == ["etl"]
    assert [(each.code, each.found.position.file) for each in examine(found)] == [
        ("DW110", "dagster_cloud.yaml")
    ]


def test_a_wrong_command_is_found_where_it_is_written(tmp_path: Path) -> None:
    files = {
        ".gitlab-ci.yml": "include: ci/ship.yml\n",
        "ci/ship.yml": "ship:\n  script:\n    - dagster-cloud ci initialise\n",
    }
    found = {each.code: each.found.position for each in examine(followed(tmp_path, files))}
    assert (found["DW146"].file, found["DW146"].line) == ("ci/ship.yml", 3)


def test_a_circle_of_files_ends(tmp_path: Path) -> None:
    files = {
        ".gitlab-ci.yml": "include: a.yml\n",
        "a.yml": f"include: b.yml\nship:\n  variables: {{PLACE: etl}}\n{_STEPS}",
        "b.yml": "include: a.yml\n",
    }
    assert followed(tmp_path, files).deployers["etl"]


@pytest.mark.parametrize(
    "include",
    [
        "[{project: acme/ci, file: /ship.yml}]",
        "{remote: 'https://ci.example.com/ship.yml'}",
        "https://ci.example.com/ship.yml",
        "[{component: $CI_SERVER_FQDN/acme/ship@1}]",
    ],
)
def test_files_of_other_repositories_may_deploy_the_rest(include: str, tmp_path: Path) -> None:
    own = f"include: {include}\nship:\n  variables: {{PLACE: etl}}\n{_STEPS}"
    assert "DW110" not in {
        each.code for each in examine(followed(tmp_path, {".gitlab-ci.yml": own}))
    }
