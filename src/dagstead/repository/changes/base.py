"""What ``--since`` means: the earlier state to compare with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dagstead.errors import InvalidInputError
from dagstead.repository.changes.git import Git

_NOTHING = re.compile(r"0{40}|0{64}")
_MERGE_BASE = "..."


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The earlier state."""

    #: A commit, or a tree.
    sha: str
    #: What a person should know about it, as sentences.
    remarks: tuple[str, ...] = ()


def find_base(git: Git, since: str, *, merge_base: bool) -> Base:
    """The state that a revision names; ``REV...`` is its merge base with ``HEAD``.

    Raises:
        InvalidInputError: when it names none, or it is not in this clone.
    """
    revision = since.removesuffix(_MERGE_BASE)
    if not revision.strip():
        msg = "--since is empty. Name a commit, as in --since origin/main."
        raise InvalidInputError(msg)
    if _NOTHING.fullmatch(revision):
        remark = "The revision is all zeros, as CI says of a new branch: everything counts as new."
        return Base(sha=git.empty_tree(), remarks=(remark,))
    if ".." in revision:
        msg = (
            f"--since {since!r} is a range. Name its first commit; what is there now is the "
            "other end."
        )
        raise InvalidInputError(msg)
    commit = git.commit(revision)
    if commit is None:
        return _tree(git, revision)
    if merge_base or since != revision:
        return _merge_base(git, revision, commit)
    return Base(sha=commit, remarks=_remarks(git, revision, commit))


def _tree(git: Git, revision: str) -> Base:
    tree = git.tree(revision)
    if tree is not None:
        return Base(sha=tree)
    if git.commit("HEAD") is None:
        msg = f"There is no {revision!r}: this repository has no commit yet."
    elif git.is_shallow:
        msg = f"{revision!r} is not in this shallow clone. {_deepen(revision)}"
    else:
        msg = (
            f"There is no commit {revision!r} here. Look for a slip in the name, or get it with "
            "`git fetch origin`."
        )
    raise InvalidInputError(msg)


def _merge_base(git: Git, revision: str, commit: str) -> Base:
    head = git.commit("HEAD")
    bases = git.merge_bases(commit, head) if head is not None else ()
    if bases:
        several = f"HEAD and {revision!r} have {len(bases)} merge bases; {bases[0]} was taken."
        return Base(sha=bases[0], remarks=(several,) if len(bases) > 1 else ())
    why = f"HEAD and {revision!r} have no common commit"
    if git.is_shallow:
        msg = f"{why} in this shallow clone. {_deepen(revision)}"
    else:
        msg = f"{why}. Leave out --merge-base to compare with {revision!r} itself."
    raise InvalidInputError(msg)


def _remarks(git: Git, revision: str, commit: str) -> tuple[str, ...]:
    head = git.commit("HEAD")
    # A shallow clone would call every commit behind its edge a stranger.
    if head is None or git.is_shallow or git.is_ancestor(commit, head):
        return ()
    remark = (
        f"{revision!r} is not an ancestor of HEAD: what only it has counts as a change, too. "
        "With --merge-base only this side counts."
    )
    return (remark,)


def _deepen(revision: str) -> str:
    return (
        "Fetch the history: `git fetch --unshallow origin`, or some of it with "
        f"`git fetch --deepen=100 origin` until `git cat-file -e {revision}` succeeds. In GitHub "
        "Actions give actions/checkout `fetch-depth: 0`, in GitLab set `GIT_DEPTH: 0`."
    )
