"""The folder that a shell is in, as its commands change it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from dagstead.repository.ci.shell import Call

#: A folder that is not known: no path below it is one of the repository.
NOWHERE = "/nowhere"
#: The options of launchers that name the folder to start in.
_DIRECTORY: Mapping[str, frozenset[str]] = {
    "env": frozenset({"-C", "--chdir"}),
    "poetry": frozenset({"-C", "--directory"}),
    "uv": frozenset({"--directory"}),
}


@dataclass(kw_only=True)
class ShellFolder:
    """Follows ``cd``, ``pushd`` and ``popd``; what a subshell does ends with it."""

    folder: str
    _before: str = NOWHERE
    _pushed: list[str] = field(default_factory=list)
    #: For each subshell that is open, its number and what is known outside of it.
    _outside: list[tuple[int, tuple[str, str, list[str]]]] = field(default_factory=list)

    def enter(self, call: Call) -> str:
        """The folder that a call is made in; calls are to be given in their order."""
        open_now = [number for number, _ in self._outside]
        kept = 0
        while kept < min(len(open_now), len(call.subshells)) and (
            open_now[kept] == call.subshells[kept]
        ):
            kept += 1
        if kept < len(self._outside):
            self.folder, self._before, self._pushed = self._outside[kept][1]
            del self._outside[kept:]
        for number in call.subshells[kept:]:
            self._outside.append((number, (self.folder, self._before, [*self._pushed])))
        return self._own(call)

    def leave(self) -> str:
        """The folder behind a script: outside of all subshells."""
        if self._outside:
            self.folder, self._before, self._pushed = self._outside[0][1]
            self._outside.clear()
        return self.folder

    def moves(self, call: Call) -> bool:
        """Whether a call is about the folder; it is changed then."""
        words = [each for each in call.words[1:] if each is None or not _is_option(each)]
        where = words[0] if words else None
        match call.words[0]:
            case "cd" if where == "-":
                self._be_in(self._before)
            case "cd":
                self._be_in(self._below(where))
            case "pushd":
                self._pushed.append(self.folder)
                self._be_in(self._below(where))
            case "popd":
                self._be_in(self._pushed.pop() if self._pushed else NOWHERE)
            case _:
                return False
        return True

    def _own(self, call: Call) -> str:
        """Where a program is started: launchers have an option for that."""
        options = _DIRECTORY.get((call.words[0] or "").rpartition("/")[2], ())
        for option, value in pairwise(call.words):
            if option in options:
                return self._below(value)
        return self.folder

    def _below(self, where: str | None) -> str:
        is_known = where is not None and not where.startswith("~")
        return posixpath.join(self.folder, str(where) if is_known else NOWHERE)

    def _be_in(self, folder: str) -> None:
        self._before, self.folder = self.folder, folder


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"
