"""Which Python a folder is built for, whatever tool its files were written for."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.build.model import PexPlan
from dagstead.build.pythons import OWN_VERSION, Pythons
from dagstead.errors import InvalidInputError
from dagstead.repository.python.pins import SUPPORTED
from tests.support.build_site import Repository

DOCUMENT = """
    locations:
      - location_name: tides
        code_source: {module_name: tides}
        build: {directory: ./tides}
"""
#: Whatever runs the tests, this one is excluded.
OTHER = "3.13" if OWN_VERSION == "3.12" else "3.12"
NEXT = f"3.{int(OTHER.removeprefix('3.')) + 1}"

#: Each allows ``OTHER`` only, in its own words; with the key that is named as the reason.
DIALECTS = {
    "requires-python": (
        {"pyproject.toml": f'[project]\nname = "tides"\nrequires-python = "=={OTHER}.*"\n'},
        "requires-python",
    ),
    "tool.poetry": (
        {"pyproject.toml": f'[tool.poetry.dependencies]\npython = "~{OTHER}"\n'},
        "tool.poetry.dependencies.python",
    ),
    "tool.poetry, range": (
        {"pyproject.toml": f'[tool.poetry.dependencies]\npython = "^{OTHER}, <{NEXT}"\n'},
        "tool.poetry.dependencies.python",
    ),
    "tool.poetry, table": (
        {"pyproject.toml": f'[tool.poetry.dependencies.python]\nversion = "{OTHER}.*"\n'},
        "tool.poetry.dependencies.python",
    ),
    "tool.pdm": (
        {"pyproject.toml": f'[tool.pdm]\npython_requires = "=={OTHER}.*"\n'},
        "tool.pdm.python_requires",
    ),
    "tool.flit": (
        {"pyproject.toml": f'[tool.flit.metadata]\nrequires-python = "=={OTHER}.*"\n'},
        "tool.flit.metadata.requires-python",
    ),
    "setup.py": (
        {
            "setup.py": f"""
            from setuptools import setup
            WANTED = "~={OTHER}.0"
            setup(name="tides", python_requires=WANTED)
            """
        },
        "python_requires of setup.py",
    ),
    "setup.cfg": (
        {"setup.cfg": f"[options]\npython_requires = >={OTHER},<{NEXT}\n"},
        "python_requires of setup.cfg",
    ),
    "uv.lock": (
        {
            "pyproject.toml": '[project]\nname = "tides"\nversion = "1"\n',
            "uv.lock": f'version = 1\nrequires-python = "=={OTHER}.*"\n',
        },
        "requires-python of uv.lock",
    ),
    "Pipfile": (
        {"Pipfile": f'[requires]\npython_version = "{OTHER}"\n'},
        "python_version of Pipfile",
    ),
    "setup.py, mapping": (
        {
            "setup.py": "from setuptools import setup\n"
            f"given = {{'name': 'tides', 'python_requires': '=={OTHER}.*'}}\nsetup(**given)\n"
        },
        "python_requires of setup.py",
    ),
    "setup.py, annotated": (
        {
            "setup.py": "from setuptools import setup\n"
            f"WANTED: str = '=={OTHER}.*'\nsetup(name='tides', python_requires=WANTED)\n"
        },
        "python_requires of setup.py",
    ),
    "Pipfile.lock": (
        {"Pipfile.lock": f'{{"_meta": {{"requires": {{"python_version": "{OTHER}"}}}}}}'},
        "python_version of Pipfile.lock",
    ),
    "pdm.lock": (
        {"pdm.lock": f'[metadata]\nrequires_python = "=={OTHER}.*"\n'},
        "requires_python of pdm.lock",
    ),
    "pylock.toml": (
        {"pylock.toml": f'lock-version = "1.0"\nrequires-python = "=={OTHER}.*"\n'},
        "requires-python of pylock.toml",
    ),
    "asdf": (
        {".tool-versions": f"nodejs 20.1.0\npython {OTHER}.4\n"},
        "python of .tool-versions",
    ),
    "mise": ({"mise.toml": f'[tools]\npython = "{OTHER}"\n'}, "tools.python of mise.toml"),
    "conda, other name": (
        {"conda.yml": f"dependencies:\n  - conda-forge::python={OTHER}\n"},
        "python of conda.yml",
    ),
    "Pipfile, full": (
        {"Pipfile": f'[requires]\npython_full_version = "{OTHER}.4"\n'},
        "python_full_version of Pipfile",
    ),
    "pixi.toml": (
        {"pixi.toml": f'[dependencies]\npython = "{OTHER}.*"\n'},
        "dependencies.python of pixi.toml",
    ),
    "tool.pixi": (
        {"pyproject.toml": f'[tool.pixi.dependencies]\npython = {{version = "=={OTHER}.*"}}\n'},
        "tool.pixi.dependencies.python",
    ),
    "conda": (
        {"environment.yml": f"dependencies:\n  - python-dateutil=2\n  - python={OTHER}\n"},
        "python of environment.yml",
    ),
}


def chosen(repository: Repository, files: dict[str, str], **options: object) -> PexPlan:
    # Some tools' files say which Python is wanted, and not what is to be installed.
    whole = {"requirements.txt": "dagster-cloud\n", **files}
    below = {f"tides/{name}": text for name, text in whole.items()}
    repository.write({"dagster_cloud.yaml": DOCUMENT, "tides/tides.py": "", **below})
    how = repository.plan(**options).builds[0].how
    assert isinstance(how, PexPlan)
    return how


@pytest.mark.parametrize("name", DIALECTS)
def test_what_any_tool_excludes_is_not_built_for(repository: Repository, name: str) -> None:
    files, key = DIALECTS[name]

    how = chosen(repository, files)

    assert how.python_version == OTHER
    assert key in how.python_reason
    assert f"Python {OTHER}, as {key} is" in repository.plan().builds[0].reason


@pytest.mark.parametrize("name", DIALECTS)
def test_a_python_that_this_machine_runs_is_taken_where_any_tool_allows_it(
    repository: Repository, name: str
) -> None:
    files, key = DIALECTS[name]
    own = {
        each: text.replace(NEXT, "4").replace(OTHER, OWN_VERSION) for each, text in files.items()
    }

    how = chosen(repository, own)

    assert how.python_version == OWN_VERSION
    assert key in how.python_reason


def test_the_nearest_python_that_is_here_is_taken(repository: Repository, tmp_path: Path) -> None:
    others = [each for each in SUPPORTED if each != OWN_VERSION]
    far = max(others, key=lambda each: abs(int(each[2:]) - int(OWN_VERSION[2:])))
    near = [each for each in others if each != far]
    excluded = {"pyproject.toml": f'[project]\nname = "t"\nrequires-python = "!={OWN_VERSION}.*"\n'}

    nowhere = chosen(repository, excluded)
    only = python_of(tmp_path / "far", f"echo {far}", far)
    there = chosen(repository, excluded, environment={"PATH": str(only.parent)})

    assert nowhere.python_version in near
    assert there.python_version == far


def test_all_that_is_demanded_must_fit(repository: Repository) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "tides"\nrequires-python = ">=3.10"\n',
        "setup.py": f"import setuptools\nsetuptools.setup(python_requires='=={OTHER}.*')\n",
    }

    how = chosen(repository, files)

    assert how.python_version == OTHER
    assert how.python_reason == (
        f"requires-python is '>=3.10' and python_requires of setup.py is '=={OTHER}.*'"
    )


def test_an_environment_gives_way_to_the_package(repository: Repository) -> None:
    files = {
        "pyproject.toml": f'[project]\nname = "tides"\nrequires-python = "=={OTHER}.*"\n',
        "environment.yml": "dependencies:\n  - python=3.8\n",
    }

    assert chosen(repository, files).python_version == OTHER


def test_a_python_that_nothing_is_made_for_any_more_is_refused(repository: Repository) -> None:
    with pytest.raises(InvalidInputError) as package:
        chosen(repository, {"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.8"\n'})
    assert "fits: tool.poetry.dependencies.python is '~3.8' in 'tides'" in package.value.message

    (repository.root / "tides" / "pyproject.toml").unlink()
    environment = {"Pipfile": '[requires]\npython_version = "3.8"\n'}
    with pytest.raises(InvalidInputError, match="or choose one with --python"):
        chosen(repository, environment)
    assert chosen(repository, environment, python=OTHER).python_version == OTHER


def test_nothing_goes_against_what_a_package_demands(repository: Repository) -> None:
    files, _ = DIALECTS["tool.poetry"]

    with pytest.raises(InvalidInputError) as caught:
        chosen(repository, files, python=OWN_VERSION)

    assert f"--python is {OWN_VERSION}, and tool.poetry.dependencies.python is" in str(caught.value)


def test_a_pin_that_does_not_fit_is_passed_over(repository: Repository) -> None:
    files, _ = DIALECTS["tool.poetry"]

    how = chosen(repository, {**files, ".python-version": f"{OWN_VERSION}\n"})

    assert how.python_version == OTHER
    assert how.python_reason.endswith(f"; .python-version says {OWN_VERSION}, which does not fit")


def test_files_that_cannot_be_read_say_nothing(repository: Repository) -> None:
    broken = {
        "setup.py": "def (:\n",
        "setup.cfg": "python_requires\n",
        "Pipfile": "= 1",
        "pixi.toml": '[dependencies]\npython = "three"\n',
        "environment.yml": "dependencies: {python: [\n",
        "uv.lock": "??",
    }

    assert chosen(repository, broken).python_version == OWN_VERSION


def test_an_interpreter_of_a_version_manager_is_found(tmp_path: Path) -> None:
    """What it puts on the path runs the active versions only; the others lie beside it."""
    python_of(tmp_path / "shims", "exit 127")
    active = python_of(tmp_path / "versions" / "3.98.1" / "bin", "echo 3.98")

    found = Pythons({"PATH": str(tmp_path / "shims")}).find("3.98")

    assert found == active


def test_a_broken_interpreter_is_passed_over(tmp_path: Path) -> None:
    python_of(tmp_path / "broken", "echo 3.97")
    whole = python_of(tmp_path / "whole", "echo 3.98")
    path = f"{tmp_path / 'broken'}:{tmp_path / 'whole'}"

    assert Pythons({"PATH": path}).find("3.98") == whole
    assert Pythons({"PATH": str(tmp_path / "broken")}).find("3.98") is None


def python_of(folder: Path, script: str, version: str = "3.98") -> Path:
    folder.mkdir(parents=True)
    file = folder / f"python{version}"
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    return file
