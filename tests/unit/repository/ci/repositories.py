"""Repositories to make workflows for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from dagstead.repository.files import Project, read_project
from tests.support.environments import REPOSITORY

MONOREPO = REPOSITORY / "examples" / "monorepo"

SERVERLESS = {"location_name": "weather", "build": {"directory": "./weather"}}
HYBRID = {
    "location_name": "digits",
    "build": {"directory": "./digits", "registry": "registry.example.com/digits"},
    "agent_queue": "hybrid-queue",
}
PREBUILT = {"location_name": "bought", "image": "registry.example.com/bought:7"}


def repository(root: Path, *locations: Mapping[str, Any], **more: Any) -> Project:
    """A repository with one file of locations."""
    (root / ".git").mkdir(parents=True, exist_ok=True)
    document = {**more, "locations": list(locations)}
    (root / "dagster_cloud.yaml").write_text(
        yaml.safe_dump(document, allow_unicode=True), encoding="utf-8"
    )
    for each in locations:
        _make_folder(root, each.get("build", {}).get("directory", "."))
    return read_project(root)


def _make_folder(root: Path, path: str) -> None:
    """A folder that can be built as an image and as a PEX file."""
    folder = root / path
    if folder.resolve().is_relative_to(root.resolve()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_text("FROM python:3.12-slim\n", encoding="utf-8")
        (folder / "requirements.txt").write_text("dagster-cloud\n", encoding="utf-8")


def monorepo(root: Path) -> Project:
    """The example, as a repository of its own."""
    shutil.copytree(
        MONOREPO, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / ".git").mkdir()
    return read_project(root)


_NAMES = st.one_of(
    st.sampled_from(
        ["etl", "R2AE Project", "1_etl", "it's", 'a "b" $c `d`', "é", "-x", "yes", "a: b"]
    ),
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12),
).filter(lambda name: "|" not in name and "${{" not in name and bool(name.strip()))
_FOLDERS = st.sampled_from([".", "./etl", "etl/src", "my etl", "[odd]*", "$HOME"])
_REGISTRIES = st.sampled_from(
    ["registry.example.com/etl", "ghcr.io/o/etl", "owner/etl", "localhost:5000/etl"]
)


@st.composite
def location_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Locations of every kind that can be deployed, with names as people give them."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    locations = []
    for name in names:
        build: dict[str, Any] = {"directory": draw(_FOLDERS)}
        entry = {"location_name": name, "code_source": {"module_name": "m"}}
        match draw(st.sampled_from(["serverless", "hybrid", "prebuilt"])):
            case "hybrid":
                entry |= {"build": build | {"registry": draw(_REGISTRIES)}, "agent_queue": "q"}
            case "prebuilt":
                entry |= {"image": "host.example/image:1"}
            case _:
                entry |= {"build": build}
        locations.append(entry)
    return locations
