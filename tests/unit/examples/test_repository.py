"""What the files of the example repository must agree on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from tests.support.environments import REPOSITORY

MONOREPO = REPOSITORY / "examples" / "monorepo"
LOCATIONS = ("weather", "digits")


def test_the_repository_has_one_location_of_each_kind() -> None:
    kinds = {
        name: "hybrid" if "registry" in location["build"] else "serverless"
        for name, location in _locations(MONOREPO).items()
    }

    assert kinds == {"weather": "serverless", "digits": "hybrid"}
    assert "agent_queue" not in _locations(MONOREPO)["weather"]
    assert _locations(MONOREPO)["digits"]["agent_queue"] == "hybrid-queue"


@pytest.mark.parametrize("name", LOCATIONS)
def test_a_location_says_the_same_alone_as_in_the_repository(name: str) -> None:
    whole = _locations(MONOREPO)[name]
    alone = _locations(MONOREPO / name)[name]

    # Each file counts the build directory from where it lies; all else is equal.
    directories = [
        (folder / location["build"].pop("directory")).resolve()
        for folder, location in ((MONOREPO, whole), (MONOREPO / name, alone))
    ]
    assert directories == [MONOREPO / name] * 2
    assert whole == alone


@pytest.mark.parametrize("name", LOCATIONS)
def test_a_location_needs_the_dagster_of_the_control_plane(name: str) -> None:
    ours = _dependencies(REPOSITORY)
    theirs = _dependencies(MONOREPO / name)

    pins = {"dagster", "dagster-cloud"}
    assert {need for need in theirs if need.split("==")[0] in pins} <= ours


def _locations(folder: Path) -> dict[str, Any]:
    text = (folder / "dagster_cloud.yaml").read_text(encoding="utf-8")
    parsed = load_dagster_cloud_yaml(text)
    return {
        location.location_name: location.model_dump(mode="json", exclude_none=True)
        for location in parsed.locations
    }


def _dependencies(folder: Path) -> set[str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["project"]["dependencies"])
