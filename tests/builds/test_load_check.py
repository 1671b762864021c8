"""Definitions are loaded where they would run, and what they lack is named with its cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.build_site import BACKEND, Site
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
        "ValidationError: 1 validation error for Stone: Value error, this stone is too light. The "
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
        "from it: git ignores it, and hatchling follows git. Add [tool.hatch.build] artifacts = "
        '["src/mill/flour/*"]. '
    ) in message
