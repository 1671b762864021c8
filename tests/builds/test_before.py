"""What a repository makes itself before its locations are built."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dagstead.build.events import BuildFailed, StepFinished
from dagstead.build.results import PexFiles
from dagstead.errors import BuildError
from tests.support.build_site import Site

DOCUMENT = """
    locations:
      - location_name: press
        code_source: {module_name: press}
        build: {directory: press}
      - location_name: still
        code_source: {module_name: still}
        build: {directory: still}
"""


@pytest.fixture
def cellar(site: Site) -> Site:
    site.repository.write(
        {
            "dagster_cloud.yaml": DOCUMENT,
            "pyproject.toml": """
            [tool.dagstead]
            before-build = ["echo made >> press/grapes.txt", "cp press/grapes.txt still/"]
            """,
            "press/requirements.txt": "dagster\ndagster-cloud\n",
            "still/requirements.txt": "dagster\ndagster-cloud\n",
        }
    )
    return site


def test_commands_are_run_once_before_what_they_are_for(cellar: Site) -> None:
    built = cellar.build(jobs=2)

    for each in built:
        assert isinstance(each.result, PexFiles)
        with zipfile.ZipFile(each.result.source) as archive:
            assert archive.read("working_directory/root/grapes.txt") == b"made\n"
    steps = [each for each in cellar.events if isinstance(each, StepFinished)]
    remarks = [each.remark for each in steps if each.step == "before-build"]
    assert sorted(map(str, remarks)) == ["None", "run already"]


def test_a_command_that_fails_shows_its_own_output(cellar: Site) -> None:
    cellar.repository.write(
        {"pyproject.toml": "[tool.dagstead]\nbefore-build = ['echo no grapes; exit 3', 'false']\n"}
    )

    with pytest.raises(BuildError, match="2 of 2 locations were not built: press, still"):
        cellar.build(jobs=1)

    for failed in (each for each in cellar.events if isinstance(each, BuildFailed)):
        assert failed.step == "before-build"
        assert "of pyproject.toml ended with exit code 3." in failed.error.message
        assert failed.output == ("no grapes",)
        assert failed.command == "echo no grapes; exit 3"


def test_what_programs_leave_in_their_temporary_folder_is_removed(
    cellar: Site, tmp_path: Path
) -> None:
    cellar.repository.write(
        {"pyproject.toml": "[tool.dagstead]\nbefore-build = ['mktemp > press/left.txt']\n"}
    )
    rest = tmp_path / "rest"
    rest.mkdir()
    environment = {**cellar.options().environment, "TMPDIR": str(rest)}

    cellar.build(environment=environment)

    left = Path((cellar.repository.root / "press" / "left.txt").read_text("utf-8").strip())
    assert left.is_relative_to(rest)
    assert list(rest.iterdir()) == []
