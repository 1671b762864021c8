"""What uv said before it failed, in its parts: its own words apart from those that it passes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_ERROR = "error: "
_CAUSE = "  cause: "
#: What a program said that uv has started follows such a line, until the next word of uv's own.
_PASSED_ON = re.compile(r"\s*(?:--- std(?:out|err)|\[std(?:out|err)\])")
_OWN = re.compile(r"hint: |warning: |  cause: |error: ")
_PROGRESS = re.compile(r"(?:Resolved|Prepared|Installed|Using|Building|Downloading|warning:)\b")

#: How a program says what was wrong, at the end of much else.
_LAST_WORDS = re.compile(r"(?:error|fatal|ERROR|[\w.]*(?:Error|Exception|Exit))\b:? ?")


@dataclass(kw_only=True, slots=True)
class UvWords:
    """The end of uv's output."""

    #: Its error, then its causes, from the first one to the one that lies deepest.
    chain: list[str] = field(default_factory=list)
    #: What the programs said that it has started: git, or a build backend.
    passed_on: list[str] = field(default_factory=list)

    @property
    def own(self) -> str:
        """All words of uv itself, as one text."""
        return " ".join(" ".join(self.chain).split())

    @property
    def last_words(self) -> str | None:
        """The last line of a program that uv has started that says what was wrong."""
        for line in reversed(self.passed_on):
            if _LAST_WORDS.match(line.strip()):
                return line.strip()
        return None


def words_of(lines: Sequence[str]) -> UvWords:
    """Take the output apart."""
    words = UvWords()
    passes_on = True
    begin = _start(lines)
    for number, line in enumerate(lines):
        if number == begin or line.startswith(_CAUSE):
            passes_on = False
            words.chain.append(line.removeprefix(_ERROR).removeprefix(_CAUSE))
        elif _PASSED_ON.match(line) or (_OWN.match(line) and number > begin):
            passes_on = True
        elif passes_on and line.strip() and not _PROGRESS.match(line):
            words.passed_on.append(line)
        elif not passes_on and line.strip():
            words.chain[-1] += f" {line.strip()}"
    if not words.chain:
        words.chain, words.passed_on = list(lines), []
    return words


def _start(lines: Sequence[str]) -> int:
    """Where uv's own error is: the last one, as a build backend may use the same word."""
    found = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
    return found[-1] if found else len(lines)
