"""What packages lack that were not written for uv."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dagstead.build.legacy_builds import prepared
from dagstead.build.requirements import is_own_package

_NEEDS = '[tool.poetry.dependencies]\npython = "^3.11"\ndagster-cloud = "^1.11"\n'
_SYSTEM = (
    "[build-system]\nrequires = ['poetry-core>=2']\nbuild-backend = 'poetry.core.masonry.api'\n"
)


def _written(folder: Path, text: str) -> Path:
    package = folder / "ferry"
    package.mkdir()
    (package / "pyproject.toml").write_bytes(text.encode())
    return package


@pytest.mark.parametrize("system", [_SYSTEM, ""], ids=["with backend", "without"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_an_application_of_poetry_is_no_package_and_says_what_it_needs(
    tmp_path: Path, system: str, end: str
) -> None:
    text = f"[tool.poetry]\npackage-mode = false  # ours\n{_NEEDS}{system}".replace("\n", end)
    package = _written(tmp_path, text)

    folder = prepared(package, tmp_path / "scratch")

    document = tomllib.loads((folder / "pyproject.toml").read_text())
    poetry = document["tool"]["poetry"]
    assert poetry["package-mode"] is True
    assert {"name", "version"} < set(poetry)
    assert poetry["dependencies"]["dagster-cloud"] == "^1.11"
    assert document["build-system"]["build-backend"] == "poetry.core.masonry.api"
    assert not is_own_package(package)
    assert (package / "pyproject.toml").read_bytes() == text.encode()


def test_a_package_of_poetry_without_a_backend_gets_poetrys(tmp_path: Path) -> None:
    package = _written(tmp_path, f'[tool.poetry]\nname = "ferry"\nversion = "3"\n{_NEEDS}')

    folder = prepared(package, tmp_path / "scratch")

    document = tomllib.loads((folder / "pyproject.toml").read_text())
    assert document["build-system"]["requires"] == ["poetry-core"]
    assert document["tool"]["poetry"]["version"] == "3"


@pytest.mark.parametrize(
    "text",
    [
        f'[tool.poetry]\nname = "ferry"\nversion = "3"\n{_NEEDS}{_SYSTEM}',
        '[project]\nname = "ferry"\nversion = "3"\n[tool.poetry]\npackage-mode = false\n',
        "[tool.black]\nline-length = 100\n",
    ],
    ids=["complete", "standard", "of other tools"],
)
def test_what_lacks_nothing_stays_as_it_is(tmp_path: Path, text: str) -> None:
    package = _written(tmp_path, text)

    assert prepared(package, tmp_path / "scratch") == package
