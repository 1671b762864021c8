"""The commit that a folder is at, from git."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dagstead.build.model import Commit
from dagstead.model.folders import OWN_FOLDER

_GIT_SECONDS = 30.0

#: ``git@host:owner/name.git``, ``ssh://git@host/owner/name``, ``https://user:secret@host/…``
_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]+@)?(?P<host>[^/:]+)(?::\d+)?/|(?:[^@/]+@)(?P<scp>[^/:]+):)"
    r"(?P<path>[^?#]+?)(?:\.git)?/?"
)


def commit_of(folder: Path) -> Commit | None:
    """The commit of a folder's repository; ``None`` without git, a repository or a commit."""
    commit = ask_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None
    ours = f":(top,exclude,glob)**/{OWN_FOLDER}/**"
    changed = ask_git(folder, "status", "--porcelain", "--untracked-files=no", "--", ":/", ours)
    remote = ask_git(folder, "config", "--get", "remote.origin.url")
    return Commit(
        hash=commit,
        url=commit_page(remote, commit) if remote else None,
        is_dirty=bool(changed),
    )


def commit_page(remote: str, commit: str) -> str | None:
    """The web page of a commit on GitHub or GitLab; never with the remote's user or password."""
    found = host_and_path(remote)
    if found is None:
        return None
    host, path = found
    if "github" in host:
        return f"https://{host}/{path}/tree/{commit}"
    if "gitlab" in host:
        return f"https://{host}/{path}/-/tree/{commit}"
    return None


def host_and_path(remote: str) -> tuple[str, str] | None:
    """Where a remote is and what it is called there; ``None`` for one on this machine."""
    found = _REMOTE.fullmatch(remote)
    return None if found is None else (found["host"] or found["scp"], found["path"])


def ask_git(folder: Path, *arguments: str) -> str | None:
    """What git answers about a folder, in one text; ``None`` where it has no answer."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip()
