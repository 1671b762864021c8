"""What uv's failures mean, and what helps. Its own words follow them, so these are short."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: What it says beside the reason.
_NOISE = re.compile(r"^(?:Resolved|Prepared|Installed|Using|Building|Downloading|warning:)\b")

_OTHER_ONE = "Choose another version of it, another Python with --python, or build on a machine"

#: The first one that fits counts; a sentence may name ``package``, with its version.
_CAUSES = (
    (
        (
            r"(?P<name>[\w.\[\]-]+)(?:==(?P<version>[^\s,]+))? (?:has no|can't be|cannot be|was "
            r"requested).*(?:usable wheels|wheel|binary)"
        ),
        (
            "There is no wheel of {package} for this Python and platform. "
            f"{_OTHER_ONE} of that platform, where it can be compiled."
        ),
    ),
    (
        r"Failed to build `(?P<name>[^`=@ ]+)(?: ?(?:==|@) ?(?P<version>[^`]+))?`",
        (
            "{package} has no wheel that fits, and its source cannot be built here. "
            f"{_OTHER_ONE} that has what it needs."
        ),
    ),
    (
        r"lockfile.*needs to be updated",
        "It does not fit pyproject.toml any more. Run `uv lock`, and commit what it writes.",
    ),
    (
        r"401 unauthorized|403 forbidden|unauthorized",
        (
            "The package index wants a name and password: set UV_INDEX_<NAME>_USERNAME and "
            "UV_INDEX_<NAME>_PASSWORD, or use uv's keyring."
        ),
    ),
    (
        (
            r"failed to fetch|error sending request|dns error|connection refused|timed out"
            r"|network connectivity"
        ),
        "The package index cannot be reached from here. Is there a proxy or mirror to name?",
    ),
)


def advice(text: str) -> str:
    """What to do about what uv said before it failed."""
    text = " ".join(text.split())
    for pattern, sentence in _CAUSES:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            return sentence.format(package=_package(found.groupdict()))
    return "Change what uv names, and try again."


def error_lines(lines: Sequence[str]) -> list[str]:
    """What is worth showing of it."""
    return [line for line in lines if line and not _NOISE.match(line)]


def _package(groups: Mapping[str, str | None]) -> str:
    return " ".join(each for each in (groups.get("name"), groups.get("version")) if each)
