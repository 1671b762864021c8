"""What uv's failures mean, and what helps. Its own words follow them, so these are short."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dagstead.build.git_failures import explain_git
from dagstead.build.uv_words import UvWords, words_of
from dagstead.model.words import sentence

#: What it says beside the reason.
_NOISE = re.compile(r"^(?:Resolved|Prepared|Installed|Using|Building|Downloading|warning:|hint:)\b")

_MUTE = "uv says nothing. Repeat the command below to see why."
#: Of what is repeated of uv's words, which follow in whole.
_LONGEST = 300
_OTHER_ONE = "Choose another version of it, another Python with --python, or build on a machine"
_INDEX_AWAY = "The package index cannot be reached from here. Is there a proxy or mirror to name?"
_BUILD = r"failed to (?:download and )?build "

#: Of uv's own words. The first one that fits counts; a sentence may name ``package``, with its
#: version.
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
        _INDEX_AWAY,
    ),
    (
        r"git sources cannot be editable",
        "uv installs no package of git with -e. Write 'NAME @ git+URL' instead.",
    ),
    (
        rf"{_BUILD}`(?P<name>[^`=@/ ]+)(?:==(?P<version>[^`]+))?`",
        (
            "{package} has no wheel that fits, and its source cannot be built here. "
            f"{_OTHER_ONE} that has what it needs."
        ),
    ),
)
#: One that is a folder of the repository: advice about other versions does not fit.
_OWN_PACKAGE = re.compile(
    rf"{_BUILD}`(?:[^`@]*@ ?)?(?:file:|\.{{0,2}}/)|^the build backend", re.IGNORECASE
)


def advice(lines: Sequence[str]) -> str:
    """What to do about what uv said before it failed."""
    words = words_of(lines)
    git = explain_git(words)
    if git is not None:
        return git
    if _OWN_PACKAGE.search(words.own):
        return f"A package of the repository cannot be built. {backend_words(words)}"
    for pattern, said in _CAUSES:
        found = re.search(pattern, words.own, re.IGNORECASE)
        if found:
            return _with_last_words(said.format(package=_package(found.groupdict())), words)
    return (
        f"uv says: {sentence(_said(words))} Change that, and try again." if words.chain else _MUTE
    )


def own_package_advice(lines: Sequence[str]) -> str:
    """The same of a package of the repository, which uv was to build."""
    words = words_of(lines)
    return explain_git(words) or backend_words(words)


def why_stale(lines: Sequence[str]) -> str | None:
    """Why a lock file is of no use, without a full stop; ``None`` where uv says another thing."""
    words = words_of(lines)
    if re.search(r"lockfile.*needs to be updated", words.own, re.IGNORECASE):
        return "it does not fit pyproject.toml any more"
    if re.search(r"failed to parse `uv\.lock`", words.own, re.IGNORECASE):
        return "it cannot be read"
    return None


def backend_words(words: UvWords) -> str:
    """Why a build backend refused, in its own words, or in uv's where it did not come so far.

    uv's last cause is the deepest one; but of a backend that ran it has only the call.
    """
    if words.last_words is not None:
        return f"Its build backend says: {sentence(words.last_words.removeprefix('error: '))}"
    for pattern, said in _CAUSES[1:3]:
        if re.search(pattern, words.own, re.IGNORECASE):
            return said
    return f"uv says: {sentence(words.chain[-1])}" if words.chain else _MUTE


def error_lines(lines: Sequence[str]) -> list[str]:
    """What is worth showing of it."""
    return [line for line in lines if line and not _NOISE.match(line)]


def _said(words: UvWords) -> str:
    """The sentence of uv: the deepest cause where the first only says that it has found none."""
    first, last = words.chain[0], words.chain[-1]
    if first.startswith("No solution found"):
        return last if len(last) <= _LONGEST else first
    return first if first == last else f"{first}: {last}"


def _with_last_words(said: str, words: UvWords) -> str:
    return (
        said if words.last_words is None else f"{said} Its build says: {sentence(words.last_words)}"
    )


def _package(groups: Mapping[str, str | None]) -> str:
    return " ".join(each for each in (groups.get("name"), groups.get("version")) if each)
