"""DS26x: what a PEX file cannot be made from, and where nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check

_CLOUD = """
locations:
  - location_name: tides
    code_source: {module_name: tides.definitions}
    build: {directory: app}
"""
_PROJECT = '[project]\nname = "tides"\nversion = "1"\n'
_HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
_DG = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "tides"\n'
_LOADS = "from dagster import load_from_defs_folder\ndefs = load_from_defs_folder(HERE)\n"
_MODULE = "app/tides/definitions.py"


def _written(folder: Path, files: dict[str, str]) -> Path:
    for path, text in {"dagster_cloud.yaml": _CLOUD, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _found(folder: Path, files: dict[str, str]) -> list[tuple[str, str, int, str]]:
    (folder / "app").mkdir(exist_ok=True)
    return [
        (each.code, each.position.file, each.position.line, each.found.sentences)
        for each in check(read_project(_written(folder, files)))
        if each.code.startswith("DS26")
    ]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "Write pyproject.toml with [project]"),
        ({"app/.gitkeep": ""}, "none of pyproject.toml, setup.py, requirements.txt."),
        ({_MODULE: "", "app/pixi.toml": ""}, "pixi.toml is not read. Write the packages"),
        ({_MODULE: "", "app/environment.yml": ""}, "environment.yml is not read."),
        ({_MODULE: "", "app/Pipfile": ""}, "Run `pipenv requirements > requirements.txt`."),
        ({_MODULE: "", "app/Pipfile": "", "app/pdm.lock": ""}, "Pipfile and pdm.lock are not read"),
        ({_MODULE: "", "app/requirements.in": "x"}, "with the line '-r requirements.in'"),
        ({_MODULE: "", "app/code/setup.py": ""}, "in build.directory, such as 'code'."),
    ],
)
def test_a_folder_that_says_nothing_about_its_needs_is_found(
    files: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    ((code, file, line, said),) = _found(tmp_path, files)

    assert (code, file, line) == ("DS260", "dagster_cloud.yaml", 5)
    assert sentence in said


@pytest.mark.parametrize(
    ("files", "file", "line", "how"),
    [
        (
            {"app/pyproject.toml": f'{_PROJECT}dependencies = [\n  "dagster",\n]\n'},
            "app/pyproject.toml",
            4,
            "uv add dagster-cloud",
        ),
        ({"app/pyproject.toml": _PROJECT}, "app/pyproject.toml", 1, "uv add dagster-cloud"),
        ({"app/pyproject.toml": "[tool.ruff]\n"}, "app/pyproject.toml", 1, "Add [project] with"),
        (
            {"app/pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\ndagster = "*"\n'},
            "app/pyproject.toml",
            2,
            "poetry add dagster-cloud",
        ),
        ({"app/requirements.txt": "pandas\n"}, "app/requirements.txt", 1, "Add a line"),
        (
            {"app/setup.py": "setup(name='tides', install_requires=['dagster', 'polars'])"},
            "app/setup.py",
            1,
            "install_requires",
        ),
        (
            {
                "app/setup.py": "setup()",
                "app/setup.cfg": "[options]\ninstall_requires =\n  dagster\n",
            },
            "app/setup.py",
            1,
            "install_requires",
        ),
        (
            {"app/pyproject.toml": '[tool.poetry.group.plus.dependencies]\ndagster-cloud = "*"\n'},
            "app/pyproject.toml",
            1,
            "Run `poetry add dagster-cloud`",
        ),
        (
            {"app/requirements.txt": "-r ./more.txt\n", "app/more.txt": "-r requirements.txt\n"},
            "app/requirements.txt",
            1,
            "Add a line",
        ),
    ],
)
def test_needs_without_dagster_cloud_are_found(
    files: dict[str, str], file: str, line: int, how: str, tmp_path: Path
) -> None:
    ((code, where, at, said),) = _found(tmp_path, {_MODULE: "", **files})

    assert (code, where) == ("DS261", file)
    assert at in {line, 1}
    assert how in said


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"app/requirements.txt": "-r more.txt\n", "app/more.txt": "dagster_cloud==1.13\n"},
            id="included",
        ),
        pytest.param({"app/requirements.txt": "-r gone.txt\n"}, id="included and not there"),
        pytest.param(
            {"app/requirements.txt": "dagster-cloud[serverless]>=1 ; python_version > '3'\n"},
            id="extra",
        ),
        pytest.param(
            {"app/requirements.txt": "-e ../base\n", "base/requirements.txt": "dagster-cloud\n"},
            id="folder",
        ),
        pytest.param({"app/requirements.txt": "tides @ git+https://example.com/tides\n"}, id="git"),
        pytest.param(
            {"app/requirements.txt": "--extra-index-url https://x.example\ntides\n"}, id="own index"
        ),
        pytest.param({"app/requirements.txt": ""}, id="empty for now"),
        pytest.param(
            {"app/pyproject.toml": f'{_PROJECT}dynamic = ["dependencies"]\n'}, id="dynamic"
        ),
        pytest.param(
            {"app/pyproject.toml": f'{_PROJECT}optional-dependencies.plus = ["dagster-cloud"]\n'},
            id="extra of the project",
        ),
        pytest.param(
            {
                "app/pyproject.toml": f'{_PROJECT}dependencies = ["base"]\n'
                '[tool.uv.sources]\nbase = {path = "../base"}\n',
                "base/pyproject.toml": '[project]\ndependencies = ["dagster-cloud"]\n',
            },
            id="path of uv",
        ),
        pytest.param(
            {
                "app/pyproject.toml": f'{_PROJECT}dependencies = ["base"]\n'
                "[tool.uv.sources]\nbase = {workspace = true}\n"
            },
            id="workspace of uv",
        ),
        pytest.param({"app/setup.py": "setup(install_requires=read('needs.txt'))"}, id="program"),
        pytest.param({"app/setup.py": "from setuptools import setup\nsetup(**ALL)"}, id="mapping"),
        pytest.param(
            {
                "app/pyproject.toml": f'{_PROJECT}dependencies = ["tides-base"]\n',
                "uv.lock": '[[package]]\nname = "dagster-cloud"\n',
            },
            id="lock",
        ),
        pytest.param({"app/Dockerfile": "FROM python:3.12-slim\n"}, id="an image of its own"),
    ],
)
def test_nothing_is_said_where_the_needs_may_be_fine(files: dict[str, str], tmp_path: Path) -> None:
    assert _found(tmp_path, {_MODULE: "", **files}) == []


def test_configuration_alone_is_not_judged(tmp_path: Path) -> None:
    cloud = "locations:\n  - location_name: tides\n    code_source: {package_name: tides}\n"
    assert _found(tmp_path, {"dagster_cloud.yaml": cloud}) == []


@pytest.mark.parametrize(
    ("strategy", "codes"), [("python-executable", ["DS260", "DS263"]), ("docker", [])]
)
def test_how_a_workflow_builds_decides(strategy: str, codes: list[str], tmp_path: Path) -> None:
    steps = ("ci init --project-dir .", f"ci build --build-strategy {strategy}", "ci deploy")
    lines = "".join(f"      - run: dagster-cloud {each}\n" for each in steps)
    text = f"on: push\njobs:\n  all:\n    runs-on: ubuntu-latest\n    steps:\n{lines}"
    hook = "app/dagster_cloud_pre_install.sh"

    found = _found(tmp_path, {_MODULE: "", hook: "", ".github/workflows/deploy.yml": text})

    assert [each[0] for each in found] == codes


@pytest.mark.parametrize(
    ("more", "definitions", "codes"),
    [
        ("", _LOADS, ["DS262"]),
        ("", "defs = Definitions()\n", []),
        (
            '[tool.hatch.build.targets.wheel.force-include]\n"pyproject.toml" = "pyproject.toml"\n',
            _LOADS,
            [],
        ),
        ("[tool.hatch.build.hooks.custom]\n", _LOADS, []),
        ("[tool.uv]\npackage = false\n", _LOADS, []),
    ],
)
def test_settings_of_dg_that_the_wheel_leaves_out(
    more: str, definitions: str, codes: list[str], tmp_path: Path
) -> None:
    needs = 'dependencies = ["dagster-cloud"]\n'
    files = {
        "dagster_cloud.yaml": "",
        "app/pyproject.toml": _PROJECT + needs + _HATCH + _DG + more,
        "app/src/tides/definitions.py": definitions,
    }

    assert [each[0] for each in _found(tmp_path, files)] == codes


_WORKING = "  - location_name: tides\n    code_source: {package_name: tides}\n"


@pytest.mark.parametrize(
    ("files", "more", "codes"),
    [
        ({"apps/tides/setup.py": ""}, "working_directory: apps/tides/src", []),
        ({"apps/tides/setup.py": ""}, "working_directory: ./apps/tides", []),
        ({"apps/surge/setup.py": ""}, "working_directory: apps/tides/src", ["DS260"]),
        ({"apps/tides/setup.py": ""}, "working_directory: ../apps/tides", ["DS260"]),
        (
            {"apps/tides/setup.py": ""},
            "working_directory: apps/tides/src\n    build: {directory: .}",
            ["DS260"],
        ),
    ],
)
def test_a_build_directory_that_is_not_named_is_another_fault(
    files: dict[str, str], more: str, codes: list[str], tmp_path: Path
) -> None:
    cloud = f"locations:\n{_WORKING}    {more}\n"
    code = {"apps/tides/src/tides/__init__.py": ""}

    found = _found(tmp_path, {"dagster_cloud.yaml": cloud, **code, **files})

    assert [each[0] for each in found if each[0] == "DS260"] == codes


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ("uv export --output-file app/requirements.txt", []),
        ("pixi list --explicit > app/requirements.txt", []),
        ("cp pins.txt app/requirements.txt", []),
        ("pip install -r tools/requirements.txt", ["DS260"]),
        ("pytest", ["DS260"]),
    ],
)
def test_a_workflow_may_write_what_is_missing(step: str, codes: list[str], tmp_path: Path) -> None:
    build = "ci build --build-strategy python-executable"
    calls = (f"dagster-cloud {each}" for each in ("ci init --project-dir .", build, "ci deploy"))
    lines = "".join(f"      - run: {each}\n" for each in (step, *calls))
    text = f"on: push\njobs:\n  all:\n    runs-on: ubuntu-latest\n    steps:\n{lines}"

    found = _found(tmp_path, {_MODULE: "", ".github/workflows/deploy.yml": text})

    assert [each[0] for each in found] == codes
