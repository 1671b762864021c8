"""Serverless locations with a Dockerfile, where the repository says that those are images."""

from __future__ import annotations

import pytest

from dagstead.build.model import Strategy
from dagstead.errors import InvalidInputError
from tests.support.build_site import Repository

_CLOUD = """
    locations:
      - location_name: weather
        code_source: {module_name: weather}
        build: {directory: ./weather}
      - location_name: tides
        code_source: {module_name: tides}
        build: {directory: ./tides}
      - location_name: digits
        code_source: {module_name: digits}
        build: {directory: ./digits, registry: registry.example.com/digits}
"""
_NEEDS = "dagster\ndagster-cloud\n"
FILES = {
    "dagster_cloud.yaml": _CLOUD,
    "weather/requirements.txt": _NEEDS,
    "weather/Dockerfile": "FROM scratch\n",
    "tides/requirements.txt": _NEEDS,
    "digits/requirements.txt": _NEEDS,
}
_ON = "[tool.dagstead]\nserverless-images = true\n"


def strategies(repository: Repository, **options: object) -> dict[str, Strategy]:
    return {each.location: each.strategy for each in repository.plan(**options).builds}


def test_without_a_word_they_are_pex_files(repository: Repository) -> None:
    repository.write(FILES)

    assert strategies(repository)["weather"] is Strategy.PEX


@pytest.mark.parametrize("folder", ["", "weather/"])
def test_a_setting_makes_images_of_those_with_a_dockerfile(
    repository: Repository, folder: str
) -> None:
    repository.write({**FILES, f"{folder}pyproject.toml": _ON})

    assert strategies(repository) == {
        "weather": Strategy.DOCKER,
        "tides": Strategy.PEX,
        "digits": Strategy.DOCKER,
    }
    weather, _, digits = repository.plan().builds
    file = f"{folder}pyproject.toml"
    assert f"it is serverless, and has a Dockerfile: serverless-images of {file}" in weather.reason
    assert [each.location for each in repository.plan().needs_registry] == ["weather"]
    assert digits.reason.startswith("build.registry is")


def test_the_nearest_setting_counts(repository: Repository) -> None:
    off = _ON.replace("true", "false")
    repository.write({**FILES, "pyproject.toml": _ON, "weather/pyproject.toml": off})

    assert strategies(repository)["weather"] is Strategy.PEX


def test_a_flag_asks_for_them_once(repository: Repository) -> None:
    repository.write(FILES)

    found = strategies(repository, serverless_images=True)

    assert (found["weather"], found["tides"]) == (Strategy.DOCKER, Strategy.PEX)


def test_another_value_is_refused_with_its_file(repository: Repository) -> None:
    repository.write({**FILES, "pyproject.toml": _ON.replace("true", '"yes"')})

    with pytest.raises(InvalidInputError, match="pyproject.toml: .* must be true or false"):
        repository.plan()
