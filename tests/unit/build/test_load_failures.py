"""What definitions lacked where they were loaded is named with its cure."""

from __future__ import annotations

import traceback
from pathlib import Path

import dagster as dg
import pytest

from dagstead.build.load_failures import LoadReport, UnpackedBuild, cures
from tests.support.build_site import Repository


def described(
    repository: Repository, backend: str, text: str, *, files: tuple[str, ...] = ()
) -> str:
    """What is said of an error of a package ``mill`` that was built with this backend."""
    root = repository.root
    repository.write(
        {
            "package/pyproject.toml": f'[build-system]\nbuild-backend = "{backend}"\n',
            "package/src/mill/flour/kinds.json": "{}",
            "package/src/mill/tools.py": "",
        }
    )
    content = root / "content"
    content.mkdir(exist_ok=True)
    built = UnpackedBuild(content=content, directory=root / "package", packages=(root / "package",))
    report = LoadReport(
        summary="", text=text, files=tuple(each.format(content=content) for each in files)
    )
    return " ".join(cures(report, built))


@pytest.mark.parametrize(
    ("backend", "cure"),
    [
        ("hatchling.build", "Include it in [tool.hatch.build.targets.wheel]"),
        ("setuptools.build_meta", '[tool.setuptools.package-data] mill = ["flour/*"]'),
        ("poetry.core.masonry.api", '[tool.poetry] include = [{path = "src/mill/flour/*"'),
        ("flit_core.buildapi", "its build backend flit_core.buildapi leaves it out"),
    ],
)
def test_each_backend_has_its_own_cure(repository: Repository, backend: str, cure: str) -> None:
    assert cure in described(repository, backend, "mill/flour/kinds.json does not exist.")
    absolute = ("{content}/mill/flour/kinds.json",)
    assert cure in described(repository, backend, "no such file", files=absolute)


def test_folders_and_modules_that_were_not_packed_are_named_too(repository: Repository) -> None:
    folder = described(repository, "flit_core.buildapi", "", files=("{content}/mill/flour",))
    module = described(repository, "flit_core.buildapi", "", files=("mill/tools.py",))

    assert folder.startswith("'src/mill/flour' is in the build folder")
    assert module.startswith("'src/mill/tools.py' is in the build folder")


def test_nothing_is_said_of_files_that_are_nowhere(repository: Repository) -> None:
    said = described(
        repository,
        "hatchling.build",
        "cannot connect to db/main at /var/run/db.sock, see mill.config and example.com/help.",
        files=("/etc/mill.conf", "{content}/mill/other.json"),
    )

    assert said == ""


def test_folders_that_no_build_takes_are_named(repository: Repository) -> None:
    repository.write({"package/.cache/model.bin": ""})

    said = described(
        repository,
        "hatchling.build",
        "",
        files=("{content}/working_directory/root/.cache/model.bin",),
    )

    assert said.startswith("'.cache/model.bin' is in the build folder, but not in what was built")


def test_a_dg_project_whose_wheel_lacks_its_configuration_gets_the_cure(
    repository: Repository,
) -> None:
    text = "Could not find config file (pyproject.toml/dg.toml) in mill or any parent of."

    assert "force-include = " in described(repository, "hatchling.build", text)
    assert "at the top of the wheel" in described(repository, "uv_build", text)


def test_the_real_error_of_dagster_is_known(repository: Repository) -> None:
    """The words are Dagster's, and may change."""
    with pytest.raises(dg.DagsterError) as raised:
        dg.load_from_defs_folder(path_within_project=Path("/"))

    said = "".join(traceback.format_exception(raised.value))
    assert "force-include = " in described(repository, "hatchling.build", said)
