"""DS235: images that exist, by a name that stands for another one after every push."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("quay.example.com/tides", "no tag"),
        ("quay.example.com:5000/tides", "no tag"),
        ("tides", "no tag"),
        ("quay.example.com:5000/tides:latest", "the tag 'latest'"),
        ("quay.example.com:5000/tides:7", ""),
        ("quay.example.com/tides:latest-7", ""),
        (f"quay.example.com/tides@sha256:{'0' * 64}", ""),
        (f"quay.example.com/tides:latest@sha256:{'0' * 64}", ""),
        ("'{{ image }}'", ""),
    ],
)
def test_a_tag_that_moves_is_noticed(image: str, says: str, tmp_path: Path) -> None:
    text = f"""\
locations:
  - location_name: tides
    code_source: {{package_name: tides}}
    agent_queue: sea
    image: {image}
"""
    (tmp_path / "dagster_cloud.yaml").write_text(text, encoding="utf-8")
    found = [each for each in check(read_project(tmp_path)) if each.code == "DS235"]
    assert [says in each.found.message for each in found] == ([True] if says else [])
