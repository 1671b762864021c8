"""Definitions are loaded where they would run, and what they lack is named with its cure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dagstead.build.load_failures import LoadReport, UnpackedBuild, cures
from tests.support.build_site import BACKEND, Repository, Site
from tests.support.git import commit_all

DOCUMENT = """
    locations:
      - location_name: mill
        code_source: {module_name: mill.definitions}
"""
PROJECT = """
    [project]
    name = "mill"
    version = "1"
    dependencies = ["dagster", "dagster-cloud"]
"""
#: Takes all files of the package that git does not ignore, as the real one does.
HATCHLING = """
    import pathlib, subprocess, zipfile

    NAME = "mill-1-py3-none-any.whl"

    def build_wheel(folder, config_settings=None, metadata_directory=None):
        with zipfile.ZipFile(f"{folder}/{NAME}", "w") as wheel:
            for file in sorted(pathlib.Path("src").rglob("*")):
                ignored = subprocess.run(["git", "check-ignore", "-q", file]).returncode == 0
                if file.is_file() and not ignored:
                    wheel.write(file, file.relative_to("src"))
            info = "mill-1.dist-info"
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: mill\\nVersion: 1\\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
            wheel.writestr(f"{info}/RECORD", "")
        return NAME
"""


@pytest.fixture
def mill(site: Site) -> Site:
    site.repository.write(
        {
            "dagster_cloud.yaml": DOCUMENT,
            "pyproject.toml": PROJECT + BACKEND,
            "src/mill/__init__.py": "",
            "src/mill/definitions.py": "import dagster as dg\ndefs = dg.Definitions()\n",
        }
    )
    return site


def test_programs_of_the_dependencies_are_found(mill: Site, warm: Path) -> None:
    """No other place has it: not the machine that builds, as little as that of the pool."""
    mill.shelf.add(
        "grinder",
        {
            "grinder.py": "def main(): print('ground')\n",
            "grinder-1.0.dist-info/entry_points.txt": "[console_scripts]\ngrind = grinder:main\n",
        },
    )
    mill.repository.write(
        {
            "pyproject.toml": PROJECT.replace('"dagster"', '"dagster", "grinder"') + BACKEND,
            "src/mill/definitions.py": """
            import subprocess
            import dagster as dg

            assert subprocess.check_output(["grind"]) == b"ground\\n"
            defs = dg.Definitions()
            """,
        }
    )

    mill.build(load=True, cache=warm)


def test_what_pydantic_says_is_shown_and_not_its_link(mill: Site, warm: Path) -> None:
    mill.repository.write(
        {
            "src/mill/definitions.py": """
            from pydantic import BaseModel, field_validator

            class Stone(BaseModel):
                weight: int

                @field_validator("weight")
                @classmethod
                def heavy(cls, value):
                    raise ValueError("this stone is too light.")

            Stone(weight=1)
            """
        }
    )

    message = mill.failure(load=True, cache=warm).error.message

    assert (
        "ValidationError: 1 validation error for Stone: Value error, this stone is too light. They "
    ) in message


def test_a_process_that_ends_before_it_can_report_is_described(mill: Site, warm: Path) -> None:
    mill.repository.write(
        {"src/mill/definitions.py": "import os\nprint('stuck', flush=True)\nos._exit(7)\n"}
    )

    assert "its process ended with exit code 7 (stuck)." in (
        mill.failure(load=True, cache=warm).error.message
    )


def test_a_file_that_was_not_packed_is_named_with_the_reason(mill: Site, warm: Path) -> None:
    backend = """
    [build-system]
    requires = []
    build-backend = "hatchling.build"
    backend-path = ["backend"]
    """
    mill.repository.write(
        {
            ".gitignore": "flour/\n",
            "pyproject.toml": PROJECT + backend,
            "backend/hatchling/__init__.py": "",
            "backend/hatchling/build.py": HATCHLING,
            "src/mill/flour/kinds.json": "{}",
            "src/mill/definitions.py": """
            from pathlib import Path

            Path(__file__).with_name("flour").joinpath("kinds.json").read_text()
            """,
        }
    )
    commit_all(mill.repository.root)

    message = mill.failure(load=True, cache=warm).error.message

    assert "FileNotFoundError: [Errno 2] No such file or directory: 'mill/flour/kinds.json'. " in (
        message
    )
    assert (
        "'src/mill/flour/kinds.json' is in the build folder, but not in the package that was built "
        "of it: git ignores it, and hatchling goes by that: add [tool.hatch.build] artifacts = "
        '["src/mill/flour/*"]. '
    ) in message


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
        ("hatchling.build", "include it in [tool.hatch.build.targets.wheel]"),
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
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import dagster as dg, pathlib; "
                "dg.load_from_defs_folder(path_within_project=pathlib.Path('/'))"
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "force-include = " in described(repository, "hatchling.build", said.stderr)
