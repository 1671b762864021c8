"""Repositories for the builder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagstead.build.model import Plan
from dagstead.build.planning import PlanOptions, make_plan
from dagstead.project import read_project


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A folder of files."""

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files; their texts may be indented."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")

    def plan(self, **options: Any) -> Plan:
        """Its plan."""
        return make_plan(read_project(self.root), PlanOptions(**options))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root=root)
