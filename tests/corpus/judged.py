"""What the commands say about a repository, as data, read through their own formats."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import run_here

#: How ``plan`` names a place in a sentence.
_PLACE = re.compile(r"(?:error: )?(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<message>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One thing that a command says is wrong, or may be."""

    command: str
    #: Of a rule; of a remark of ``routes`` its name; ``plan`` has none.
    code: str
    is_error: bool
    message: str
    #: Empty where the statement is about no file.
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """``FILE:LINE``, empty for no file."""
        return f"{self.file}:{self.line}" if self.file else ""

    def __str__(self) -> str:
        return f"{self.command}: {self.place} {self.code} {self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A repository, and all that the commands say about it."""

    #: Of the repository.
    name: str
    folder: Path
    statements: tuple[Statement, ...]
    #: Names of locations that ``routes`` shows, with the files that define them.
    locations: frozenset[tuple[str, str]]

    @property
    def errors(self) -> list[Statement]:
        """What is said to be wrong."""
        return [each for each in self.statements if each.is_error]


def judged(folder: Path, name: str, *, is_whole: bool = True) -> Judged:
    """Run the commands that judge a repository, in this process.

    Args:
        folder: of the repository.
        name: of the repository.
        is_whole: whether all of its files are there, without which nothing can be planned.

    Raises:
        AssertionError: when one of them ends in another way than it promises.
    """
    check = _run(folder, "check", "--format", "json")
    routes = _run(folder, "routes", "--format", "json")
    planned = _of_plan(_run(folder, "plan", "--format", "json")) if is_whole else ()
    return Judged(
        name=name,
        folder=folder,
        statements=(*_of_check(check), *_of_routes(routes), *planned),
        locations=_locations(routes),
    )


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    ended = run_here(*arguments, cwd=folder)
    assert ended.returncode in {0, 1, 2}, ended
    assert "Traceback" not in ended.stderr, ended
    return ended


def _of_check(ended: subprocess.CompletedProcess[str]) -> Iterator[Statement]:
    for each in _findings(ended):
        yield Statement(
            command="check",
            code=each["code"],
            is_error=each["severity"] == "error",
            message=each["message"],
            file=each["file"],
            line=each["line"],
        )


def _of_routes(ended: subprocess.CompletedProcess[str]) -> Iterator[Statement]:
    for each in _findings(ended):
        if each["severity"] != "note":
            yield Statement(
                command="routes",
                code=each["name"],
                is_error=each["severity"] == "error",
                message=each["message"],
                file=each["file"] or "",
                line=each["line"] or 0,
            )


def _of_plan(ended: subprocess.CompletedProcess[str]) -> Iterator[Statement]:
    """Nothing where it says that there is nothing to plan."""
    for line in ended.stderr.splitlines():
        found = _PLACE.fullmatch(line)
        if found is not None and ended.returncode:
            yield Statement(
                command="plan",
                code="plan",
                # It asks, and claims nothing.
                is_error="it is ambiguous" not in found["message"],
                message=found["message"],
                file=found["file"],
                line=int(found["line"]),
            )


def _findings(ended: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return list(json.loads(ended.stdout)["findings"]) if ended.stdout else []


def _locations(ended: subprocess.CompletedProcess[str]) -> frozenset[tuple[str, str]]:
    routes = json.loads(ended.stdout)["routes"] if ended.stdout else []
    return frozenset((each["location"], each["file"]) for each in routes)
