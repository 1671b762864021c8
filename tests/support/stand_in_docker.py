"""A stand-in for docker: writes down how it was called, and says what it was told to say.

It shows which commands are given and what becomes of answers, nothing more. That real ones
understand the commands and answer so is shown in ``tests/containers``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command says, and how it ends."""

    text: str = ""
    code: int = 0
    #: Written to the file that ``--metadata-file`` names.
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """How docker was called once."""

    words: tuple[str, ...]
    #: The file that ``--file`` names, and the ``.dockerignore`` beside it.
    dockerfile: str
    ignored: str
    #: Those of its variables that matter.
    variables: Mapping[str, str]

    def values(self, flag: str) -> list[str]:
        """What follows each time that a flag is given."""
        pairs = zip(self.words, self.words[1:], strict=False)
        return [value for word, value in pairs if word == flag]


@dataclass(frozen=True, kw_only=True)
class StandInDocker:
    """A program ``docker`` in a folder of its own."""

    folder: Path
    variables: tuple[str, ...] = field(default=("DOCKER_BUILDKIT", "TOKEN"))

    def install(self, answers: Mapping[str, Answer]) -> None:
        """Make the program; the longest beginning of its words that is a key has the answer."""
        described = {
            words: {"text": each.text, "code": each.code, "metadata": each.metadata}
            for words, each in answers.items()
        }
        order = {"answers": described, "log": str(self._log), "variables": self.variables}
        self.folder.mkdir(exist_ok=True)
        (self.folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        program = self.folder / "docker"
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -I {__file__} {self.folder}/order.json "$@"\n',
            encoding="utf-8",
        )
        program.chmod(0o755)

    def calls(self, *beginning: str) -> list[Call]:
        """The calls that begin with these words, in their order."""
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        calls = [Call(**json.loads(line)) for line in lines]
        return [each for each in calls if tuple(each.words[: len(beginning)]) == beginning]

    @property
    def _log(self) -> Path:
        return self.folder / "calls.jsonl"


_NOTHING: Mapping[str, Any] = {"text": "", "code": 0}


def main() -> None:
    """Be docker once."""
    order: Mapping[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    words = sys.argv[2:]
    dockerfile = words[words.index("--file") + 1] if "--file" in words else ""
    call = {
        "words": words,
        "dockerfile": _read(dockerfile),
        "ignored": _read(f"{dockerfile}.dockerignore"),
        "variables": {each: os.environ[each] for each in order["variables"] if each in os.environ},
    }
    with Path(order["log"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps(call) + "\n")
    said = " ".join(words)
    fitting = [each for each in order["answers"] if said.startswith(each)]
    answer: Mapping[str, Any] = order["answers"][max(fitting, key=len)] if fitting else _NOTHING
    if answer.get("metadata") is not None and "--metadata-file" in words:
        path = Path(words[words.index("--metadata-file") + 1])
        path.write_text(json.dumps(answer["metadata"]), encoding="utf-8")
    sys.stdout.write(answer["text"])
    sys.exit(answer["code"])


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else ""


if __name__ == "__main__":
    main()
