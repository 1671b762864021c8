"""A repository of a test, and what the commands say about it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.support.commands import run_here
from tests.support.git import commit_all

#: What a PEX file can be made from.
PACKAGE = """
    [project]
    name = "tides"
    version = "1"
    dependencies = ["dagster", "dagster-cloud"]
    """
LOCATION = """
    locations:
      - location_name: tides
        code_source: {package_name: tides}
    """
DEPLOY = ".github/workflows/deploy.yml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A folder that git keeps."""

    folder: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, without the indentation that all lines of one share."""
        for path, text in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text).lstrip("\n"), encoding="utf-8")

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.folder / path).read_text(encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``dagstead``; it never ends with a traceback."""
        ended = run_here(*arguments, cwd=self.folder)
        assert ended.returncode in {0, 1, 2}, ended
        assert "Traceback" not in ended.stderr, ended
        return ended

    def said(self, *arguments: str) -> str:
        """All that ``dagstead`` prints."""
        ended = self.run(*arguments)
        return ended.stdout + ended.stderr

    def findings(self, *arguments: str) -> list[dict[str, Any]]:
        """What ``dagstead check`` finds."""
        ended = self.run("check", "--format", "json", *arguments)
        return list(json.loads(ended.stdout)["findings"])

    def errors(self) -> list[str]:
        """The errors of ``dagstead check``, each as its place, code and message."""
        return [_line(each) for each in self.findings() if each["severity"] == "error"]

    def warnings(self) -> list[str]:
        """The warnings of ``dagstead check``."""
        return [_line(each) for each in self.findings() if each["severity"] == "warning"]

    def plan(self) -> dict[str, dict[str, Any]]:
        """What ``dagstead plan`` says about every location."""
        ended = self.run("plan", "--format", "json")
        assert ended.returncode == 0, ended
        return {each["location"]: each for each in json.loads(ended.stdout)}

    def routes(self, *arguments: str) -> dict[str, Any]:
        """What ``dagstead routes`` says."""
        ended = self.run("routes", "--format", "json", *arguments)
        return dict(json.loads(ended.stdout))

    def locations(self) -> set[str]:
        """The names of the locations that ``dagstead routes`` shows; of none it says so."""
        ended = self.run("routes", "--format", "json")
        if not ended.stdout:
            assert "no code location" in ended.stderr, ended
            return set()
        return {each["location"] for each in json.loads(ended.stdout)["routes"]}


def repository_of(folder: Path, files: Mapping[str, str]) -> Repository:
    """Make a repository and commit all of it.

    Args:
        folder: where; locations of dg can be called after it.
        files: texts by path, indented as a whole.
    """
    made = Repository(folder=folder)
    folder.mkdir(parents=True)
    made.write(files)
    commit_all(folder)
    return made


def _line(finding: Mapping[str, Any]) -> str:
    place = f"{finding['file']}:{finding['line']}"
    return f"{place} {finding['code']} {finding['message']}. {finding['instead']}"
