"""Asks git.

Every answer is read from a form that is made for programs, with zeros between names. A name that a
person gave comes after ``--end-of-options``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dagstead.errors import GitError, InvalidInputError
from dagstead.repository.files.git import run_git

#: The tree without files. Every git knows it, whether a repository has it or not.
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_EMPTY_TREE_256 = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"

LINK = "120000"
SUBMODULE = "160000"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A path that differs, relative to the top of the repository."""

    path: str
    #: ``A``, ``M``, ``D``, ``T`` as git says, ``R`` and ``C`` with both paths, ``?`` for a file
    #: that git does not keep yet.
    status: str
    #: The other path of a rename or copy.
    other: str | None = None
    #: The object that it was; ``None`` where there was no file.
    before: str | None = None
    #: Whether more than one file may have changed below it: a submodule, or a repository inside.
    is_folder: bool = False


class TreeEntry(NamedTuple):
    """A path that git keeps. There may be a hundred thousand, which a dataclass is slow to make."""

    path: str
    mode: str
    #: The name of its object.
    sha: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Git:
    """A repository with a work tree."""

    #: The top of the work tree, absolute.
    top: Path
    #: The folder that it was opened at, relative to the top; empty for the top itself.
    prefix: str
    is_shallow: bool

    @property
    def is_sparse(self) -> bool:
        """Whether not every file is on disk."""
        return self._ask("config", "--bool", "core.sparseCheckout", fine=(0, 1)) == b"true\n"

    def commit(self, revision: str) -> str | None:
        """The commit of a name, ``None`` where there is none."""
        return self._object(f"{revision}^{{commit}}")

    def tree(self, revision: str) -> str | None:
        """The tree of a name, ``None`` where there is none."""
        return self._object(f"{revision}^{{tree}}")

    def empty_tree(self) -> str:
        """The tree without files, in this repository's kind of names."""
        answer = self._ask("rev-parse", "--show-object-format", fine=(0, 128, 129))
        return _EMPTY_TREE_256 if answer.strip() == b"sha256" else EMPTY_TREE

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """The best common ancestors of two commits."""
        answer = self._ask("merge-base", "--all", "--end-of-options", one, other, fine=(0, 1))
        return tuple(answer.decode("ascii").split())

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether one commit is in the history of another."""
        return one in self.merge_bases(one, other)

    def changes(self, before: str, after: str | None) -> Iterator[Change]:
        """What differs between a tree and another one, or the files on disk.

        Renames are those without a change of content: no content has to be fetched for that.
        """
        trees = [before] if after is None else [before, after]
        options = ("--raw", "-z", "--no-abbrev", "--find-renames=100%", "--no-ext-diff")
        submodules = "--ignore-submodules=none"
        yield from _differences(self._ask("diff", *options, submodules, *trees, "--"))

    def untracked(self) -> Iterator[Change]:
        """Files on disk that git neither keeps nor ignores."""
        answer = self._ask("ls-files", "--others", "--exclude-standard", "-z")
        for each in _names(answer):
            # A repository inside this one ends in a slash.
            yield Change(path=each.rstrip("/"), status="?", is_folder=each.endswith("/"))

    def kept(self, tree: str) -> Iterator[TreeEntry]:
        """Every path of a tree."""
        for each in _names(self._ask("ls-tree", "-r", "-z", "--full-tree", tree)):
            meta, _, path = each.partition("\t")
            mode, _, sha = meta.split(" ")
            yield TreeEntry(path=path, mode=mode, sha=sha)

    def indexed(self, endings: tuple[str, ...]) -> Iterator[TreeEntry]:
        """The links of the index, and its paths that end so: all of them would take long."""
        for each in _names(self._ask("ls-files", "--stage", "-z")):
            if each.startswith(LINK) or each.endswith(endings):
                meta, _, path = each.partition("\t")
                mode, sha, _ = meta.split(" ")
                yield TreeEntry(path=path, mode=mode, sha=sha)

    def commits(self, paths: Iterable[str], *, most: int) -> tuple[str, ...]:
        """The last commits of the present history that changed some paths, newest first.

        Args:
            paths: globs, relative to the top of the repository.
            most: how many at most.
        """
        globs = [f":(top,glob){each}" for each in paths]
        answer = self._ask(
            "log", "--format=%H", f"--max-count={most}", "HEAD", "--", *globs, fine=(0, 128)
        )
        return tuple(answer.decode("ascii").split())

    def contents(self, objects: Iterable[str]) -> Mapping[str, bytes]:
        """What objects hold; those that are not there are left out.

        In a clone without contents git fetches them.
        """
        wanted = list(dict.fromkeys(objects))
        if not wanted:
            return {}
        answer = self._ask("cat-file", "--batch", given="".join(f"{o}\n" for o in wanted))
        found: dict[str, bytes] = {}
        at = 0
        for each in wanted:
            end = answer.index(b"\n", at)
            header = answer[at:end].split(b" ")
            at = end + 1
            if header[-1] != b"missing":
                size = int(header[2])
                found[each] = answer[at : at + size]
                at += size + 1
        return found

    def _object(self, expression: str) -> str | None:
        answer = self._ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", expression, fine=(0, 1, 128)
        )
        return answer.decode("ascii", errors="replace").strip() or None

    def _ask(self, *words: str, given: str = "", fine: tuple[int, ...] = (0,)) -> bytes:
        code, answer, complaint = run_git(self.top, words, given)
        if code not in fine:
            msg = f"`git {words[0]}` failed: {complaint or f'exit code {code}'}"
            raise GitError(msg)
        return answer


def open_repository(folder: Path) -> Git:
    """The repository around a folder.

    Raises:
        GitError: when git is not installed, or refuses the repository.
        InvalidInputError: when there is no repository with a work tree.
    """
    code, answer, complaint = run_git(
        folder, ("rev-parse", "--is-shallow-repository", "--show-prefix")
    )
    if code and "not a git repository" in complaint.lower():
        msg = (
            f"{str(folder)!r} is not in a git repository, so what has changed is not known. "
            "Run this in a clone."
        )
        raise InvalidInputError(msg)
    shallow, _, prefix = os.fsdecode(answer).partition("\n")
    prefix = prefix.removesuffix("\n").rstrip("/")
    if code:
        msg = f"Git refuses the repository of {str(folder)!r}: {complaint}"
        raise GitError(msg)
    top = folder.resolve()
    for _ in prefix.split("/") if prefix else ():
        top = top.parent
    if not (top / ".git").exists():
        msg = f"{str(folder)!r} is inside a git folder. Name the folder of your files."
        raise InvalidInputError(msg)
    return Git(top=top, prefix=prefix, is_shallow=shallow == "true")


def _names(answer: bytes) -> Iterator[str]:
    """Names as the disk has them; those that are no UTF-8 survive as surrogates."""
    return (each for each in os.fsdecode(answer).split("\0") if each)


def _differences(answer: bytes) -> Iterator[Change]:
    """``:100644 100644 BEFORE AFTER M`` and one path, of a rename or copy two."""
    parts = iter(os.fsdecode(answer).split("\0"))
    for meta in parts:
        if not meta:
            continue
        mode_before, mode_after, before, _, status = meta[1:].split(" ")
        path = next(parts)
        common = {
            "status": status[0],
            "before": before if before.strip("0") and mode_before != SUBMODULE else None,
            "is_folder": SUBMODULE in {mode_before, mode_after},
        }
        if status[0] in "RC":
            new = next(parts)
            yield Change(path=path, other=new, **common)  # type: ignore[arg-type]
            yield Change(path=new, other=path, status=status[0], is_folder=False)
        else:
            yield Change(path=path, **common)  # type: ignore[arg-type]
