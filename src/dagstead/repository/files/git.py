"""Starts git, for all of ``repository``.

Settings of the user and of the repository that would change an answer, or run a program of somebody
else, are overruled.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from dagstead.errors import GitError

_OVERRULED = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "diff.autoRefreshIndex=true",
    "diff.ignoreSubmodules=none",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "status.showUntrackedFiles=all",
)
#: These would lead git to another repository than the one around the folder, as in a hook.
_LEFT_OUT = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIFF_OPTS",
        "GIT_DIR",
        "GIT_EXTERNAL_DIFF",
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_INDEX_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)


def tracked_though_ignored(folder: Path) -> frozenset[str]:
    """The files below a folder that git keeps and ``.gitignore`` names, relative to it.

    None where git has no answer: it is not installed, or refuses the repository.
    """
    try:
        words = ("ls-files", "--cached", "--ignored", "--exclude-standard", "-z")
        code, answer, _ = run_git(folder, words)
    except GitError:
        return frozenset()
    return frozenset() if code else frozenset(filter(None, os.fsdecode(answer).split("\0")))


def run_git(folder: Path, words: Iterable[str], given: str = "") -> tuple[int, bytes, str]:
    """Its exit code, what it answers, and its complaint.

    Args:
        folder: where it is started.
        words: what it is asked.
        given: what it reads.

    Raises:
        GitError: when git is not installed.
    """
    settings = (part for each in _OVERRULED for part in ("-c", each))
    environment = {key: value for key, value in os.environ.items() if key not in _LEFT_OUT}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and git is where the user's PATH has it
            ["git", "--no-pager", *settings, *words],  # noqa: S607
            cwd=folder,
            env=environment,
            input=given.encode("ascii"),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        msg = "There is no program `git`, which knows what changed. Install it (apt install git)."
        raise GitError(msg) from error
    return done.returncode, done.stdout, _complaint(done.stderr)


def _complaint(text: bytes) -> str:
    lines = text.decode("utf-8", errors="replace").split("\n")
    return " ".join(each.strip().removeprefix("fatal: ") for each in lines if each.strip())
