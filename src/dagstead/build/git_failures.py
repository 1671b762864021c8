"""Why git could not fetch a requirement, in its own words, and the ways out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dagstead.build.commits import host_and_path
from dagstead.build.uv_words import UvWords
from dagstead.model.words import sentence

_REQUIREMENT = re.compile(r"`(?:(?P<name>[^`@ ]+) ?@ ?)?git\+(?P<url>[^`]+)`")
_URL = re.compile(r"'(?P<url>(?:https?|ssh|git|file)://[^']+|[^'@\s]+@[^':\s]+:[^']+)'")
#: The lines in which git and ssh say what was wrong.
_REASON = re.compile(
    r"(?:fatal|ssh|remote|ERROR|error): .*|.*Permission denied \(.*|Host key verification failed.*"
)
#: These lines of git follow another one that has the reason.
_GENERAL = ("fatal: Could not read from remote repository", "remote: ")

_ASKS = re.compile(
    r"permission denied|could not read (?:username|password)|authentication failed"
    r"|terminal prompts disabled|host key verification|access denied|repository not found|HTTP 40",
    re.IGNORECASE,
)
_REVISION = re.compile(
    r"find remote ref|remote branch .* not found|did not match|not our ref", re.IGNORECASE
)
_AWAY = re.compile(
    r"resolve host|connect to|timed out|refused|unreachable|unable to access", re.IGNORECASE
)

_IS_GIT = re.compile(r"git operation failed|failed to clone into|`[^`]*git fetch", re.IGNORECASE)


def explain_git(words: UvWords) -> str | None:
    """What uv's words about git mean; ``None`` where they are about something else."""
    if not _IS_GIT.search(words.own):
        return None
    what, url = _requirement(words)
    why = reason_of_git(words.passed_on) or words.chain[-1]
    return fetch_failure(what, url, why)


def fetch_failure(what: str, url: str | None, why: str) -> str:
    """Sentences for a repository that git could not fetch.

    Args:
        what: what it was to fetch.
        url: from where; it may hold a password, which is not shown.
        why: git's own words.
    """
    known = None if url is None else host_and_path(url.partition("?")[0])
    host = "this machine" if known is None else known[0]
    return f"git cannot fetch {what} from {host}: {sentence(why)} {_way_out(why, host)}"


def reason_of_git(lines: Sequence[str]) -> str | None:
    """The line of git's output that says what was wrong."""
    found = [line.strip() for line in lines if _REASON.fullmatch(line.strip())]
    exact = [line for line in found if not line.startswith(_GENERAL)]
    return next(iter(exact or found), None)


def _requirement(words: UvWords) -> tuple[str, str | None]:
    found = _REQUIREMENT.search(words.own)
    if found is not None:
        return found["name"] or "a requirement", found["url"]
    called = _URL.search(words.own)
    return "a requirement", called["url"] if called else None


def _way_out(why: str, host: str) -> str:
    if _REVISION.search(why):
        return "Is its branch, tag or commit right?"
    is_away = _AWAY.search(why) and not _ASKS.search(why)
    reach = f"Can this machine reach {host}, or is there a proxy to set? " if is_away else ""
    return (
        f"{reach}Give this machine a deploy key that may read it, or have git use a token: "
        f'`git config --global url."https://x-access-token:$TOKEN@{host}/".insteadOf '
        f'"ssh://git@{host}/"` (or "https://{host}/"). Images get an SSH agent with --ssh default.'
    )
