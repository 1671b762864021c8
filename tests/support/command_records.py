"""What tests saw of each official command, kept as data from which the compatibility page is made.

A test that drives official commands notes how each ended. The notes of a passed test are compared
with those that are committed for it, so that the page may be made, and trusted, without a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.operator_api.not_offered import NOT_OFFERED
from dagstead.server.not_offered import NOT_OFFERED_PATHS
from tests.support.environments import REPOSITORY

#: A file for each file of driving tests.
RECORDS = REPOSITORY / "tests" / "contract" / "records"
#: In such a file: what fixtures of the whole file have run.
FIXTURES = "fixtures"

#: Programs draw boxes around what went wrong, and break lines within.
_BOX = re.compile(r"[\s\u2500-\u257f]+")

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How a command ended."""

    #: The program and its subcommands.
    command: str
    #: None if it was still running, as an agent is.
    exit_code: int | None
    #: Whether the command was given the address of a control plane that answers.
    served: bool = True
    #: The server's sentence about what it does not offer; empty if it said none.
    refusal: str = ""
    #: What the command itself called its error, without addresses; empty if it worked.
    error: str = ""

    @property
    def worked(self) -> bool:
        """Whether the command did what it is for."""
        return self.exit_code in {0, None} and not self.refusal

    def document(self) -> dict[str, Any]:
        """As JSON, without what is as it mostly is."""
        return {
            "command": self.command,
            "exit_code": self.exit_code,
            **({} if self.served else {"served": False}),
            **({"refusal": self.refusal} if self.refusal else {}),
            **({"error": self.error} if self.error else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is kept of one command in one test."""

    #: The name of the test's file, without its suffix.
    file: str
    test: str
    seen: Seen


class Recorder:
    """Receives what the commands of one test do."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._seen: dict[Seen, None] = {}

    def saw(self, seen: Seen) -> None:
        """Note how a command ended; the same twice counts once."""
        self._seen[seen] = None

    def take(self) -> list[Seen]:
        """What was noted since the last time."""
        taken, self._seen = [*self._seen], {}
        return taken


def refusal_in(text: str) -> str:
    """The server's sentence in what a command printed; empty if there is none."""
    plain = _BOX.sub(" ", text)
    sentences = {*NOT_OFFERED.values(), *NOT_OFFERED_PATHS.values()}
    return next((each for each in sorted(sentences) if each in plain), "")


def error_in(text: str) -> str:
    """The last line that a program marked as an error, without addresses and the server's data."""
    lines = [line for line in text.splitlines() if line.startswith("Error: ")]
    if not lines:
        return ""
    sentence, _, _ = lines[-1].removeprefix("Error: ").partition("{")
    return _ADDRESS.sub("URL", sentence).strip()


def recorded(file: Path) -> dict[str, list[Seen]]:
    """What is kept of the tests of a file, by the name of the test."""
    path = _kept_in(file)
    if not path.exists():
        return {}
    document: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads(path.read_text("utf-8"))
    return {test: [Seen(**each) for each in entries] for test, entries in document.items()}


def write(file: Path, test: str, seen: Sequence[Seen]) -> None:
    """Keep what a test saw, instead of what was kept of it."""
    kept = {**recorded(file), test: list(seen)}
    document = {name: [each.document() for each in kept[name]] for name in sorted(kept)}
    text = json.dumps({name: entries for name, entries in document.items() if entries}, indent=2)
    _kept_in(file).write_text(f"{text}\n", encoding="utf-8")


def difference(file: Path, test: str, seen: Sequence[Seen]) -> str:
    """What a test saw otherwise than it is kept; empty if nothing.

    A fixture of a file may serve some of its tests only, so that a part of it is enough.
    """
    kept = recorded(file).get(test, [])
    if set(seen) == set(kept) or (test == FIXTURES and set(seen) <= set(kept)):
        return ""
    return (
        f"{test} saw of the official commands:\n{_listed(seen)}"
        f"and {_kept_in(file).relative_to(REPOSITORY)} has:\n{_listed(kept)}"
        f"If the new behaviour is right, run the test with --write-records, "
        f"then python -m tests.contract.compatibility."
    )


def all_records() -> Iterator[Record]:
    """Everything that is kept."""
    for path in sorted(RECORDS.glob("*.json")):
        for test, entries in recorded(path.with_suffix(".py")).items():
            for seen in entries:
                yield Record(file=path.stem, test=test, seen=seen)


def _kept_in(file: Path) -> Path:
    return RECORDS / f"{file.stem}.json"


def _listed(seen: Sequence[Seen]) -> str:
    return "".join(f"  {json.dumps(each.document())}\n" for each in seen) or "  nothing\n"
