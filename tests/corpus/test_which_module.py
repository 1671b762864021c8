"""Faults that people met: the module with the definitions is not where its name leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import LOCATION, PACKAGE, repository_of

_DG = """
    [project]
    name = "tides"
    version = "1"
    dependencies = ["dagster", "dagster-cloud"]

    [tool.dg]
    directory_type = "project"

    [tool.dg.project]
    root_module = "tides"
    """
_IMAGE = """
    locations:
      - location_name: tides
        code_source: {module_name: tides.definitions}
        build: {directory: ., registry: registry.example.com/tides}
        agent_queue: north
    """


def test_the_module_that_dg_takes_when_none_is_named_is_looked_for(tmp_path: Path) -> None:
    files = {"pyproject.toml": _DG, "src/tides/__init__.py": "", "src/tides/definition.py": ""}
    made = repository_of(tmp_path / "tides", files)

    (found,) = made.findings()

    assert found["severity"] == "warning"
    assert found["file"] == "pyproject.toml"
    assert "tides.definitions" in found["message"]
    assert "definition" in found["message"] + found["instead"]


@pytest.mark.parametrize("is_image", [True, False])
def test_a_module_with_a_typing_error_is_a_warning_with_the_nearest(
    tmp_path: Path, *, is_image: bool
) -> None:
    text = _IMAGE if is_image else LOCATION.replace("package_name: tides", "module_name: tides.x")
    text = text.replace("tides.definitions", "tides.definition").replace(
        "tides.x", "tides.definition"
    )
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": text,
            "pyproject.toml": PACKAGE,
            "Dockerfile": "FROM python:3.12-slim\n",
            "tides/__init__.py": "",
            "tides/definitions.py": "",
        },
    )

    (found,) = made.findings()

    assert found["severity"] == "warning"
    assert "tides.definition" in found["message"]
    assert "tides.definitions" in found["message"] + found["instead"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("module_name: tide.definitions", "Did you mean 'tides.definitions'?"),
        ("package_name: tids", "Did you mean 'tides'?"),
        ("module_name: tides/definitions", "Write 'tides.definitions'"),
        ("module_name: tides/definitions.py", "Write 'tides.definitions'"),
        ("module_name: tides.definitions.py", "Did you mean 'tides.definitions'?"),
    ],
)
def test_a_name_that_is_none_of_a_module_here_is_put_right(
    tmp_path: Path, source: str, said: str
) -> None:
    text = LOCATION.replace("package_name: tides", source)
    code = {"tides/__init__.py": "", "tides/definitions.py": ""}
    made = repository_of(
        tmp_path / "harbour", {"dagster_cloud.yaml": text, "pyproject.toml": PACKAGE, **code}
    )

    (found,) = made.findings()

    assert (found["severity"], found["instead"].rstrip(".")) == ("warning", said.rstrip("."))


def test_the_root_module_of_a_dg_project_is_its_own(tmp_path: Path) -> None:
    files = {"pyproject.toml": _DG, "src/harbour/__init__.py": "", "src/harbour/definitions.py": ""}
    made = repository_of(tmp_path / "harbour", files)

    (found,) = made.findings()

    assert "the repository has no 'tides'" in found["message"]


def test_a_key_that_belongs_beside_the_source_is_one_error(tmp_path: Path) -> None:
    source = "package_name: tides, working_directory: src"
    text = LOCATION.replace("package_name: tides", source)
    files = {"dagster_cloud.yaml": text, "pyproject.toml": PACKAGE, "tides/__init__.py": ""}

    (error,) = repository_of(tmp_path / "harbour", files).errors()

    assert "'working_directory' is not a key of code_source" in error


@pytest.mark.parametrize(
    ("module", "more"),
    [
        ("surge.definitions", {}),
        ("tides.north.definitions", {"tides/north/definitions.py": ""}),
        ("lib_tides.definitions", {"python/definitions.py": "", "pyproject.toml": "package-dir"}),
        ("tides.fast", {"tides/fast.cpython-312-x86_64-linux-gnu.so": ""}),
        ("tides.fast", {"tides/fast.pyx": ""}),
    ],
    ids=["installed", "namespace", "package-dir", "compiled", "to-compile"],
)
def test_a_module_that_may_be_there_is_fine(
    tmp_path: Path, module: str, more: dict[str, str]
) -> None:
    files = {
        "dagster_cloud.yaml": LOCATION.replace("package_name: tides", f"module_name: {module}"),
        "pyproject.toml": PACKAGE,
        "tides/__init__.py": "",
        **more,
    }
    if files["pyproject.toml"] == "package-dir":
        table = '\n    [tool.setuptools]\n    package-dir = {lib_tides = "python"}\n'
        files["pyproject.toml"] = PACKAGE.rstrip(" ") + table

    assert repository_of(tmp_path / "harbour", files).findings() == []
