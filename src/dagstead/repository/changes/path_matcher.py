"""Which changed paths belong to which part."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagstead.repository.changes.git import Change
from dagstead.repository.changes.parts import (
    EVERYTHING,
    Glob,
    LockedPackages,
    Part,
    Subtree,
    above,
    is_below,
)
from dagstead.repository.changes.uv_locks import lock_difference, read_uv_lock

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class PathMatch:
    """The changes of a part."""

    changes: tuple[Change, ...] = ()
    #: What is to be added to the reason.
    remark: str = ""


class Matcher:
    """Looks the changes up by part; each part is asked about once."""

    def __init__(
        self,
        changes: Iterable[Change],
        parts: Iterable[Part],
        *,
        configuration: frozenset[str],
        before: Callable[[Change], bytes | None],
        now: Callable[[str], bytes | None],
    ) -> None:
        self._changes = tuple(changes)
        self._configuration = configuration
        self._before = before
        self._now = now
        self._found: dict[Part, PathMatch] = {}
        self._specs: dict[str, GitIgnoreSpec] = {}
        self._parts = frozenset(parts)
        self._below = self._index({_folder(each) for each in self._parts})

    def of(self, part: Part) -> PathMatch:
        """The changes of a part that the matcher was made for."""
        found = self._found.get(part)
        if found is None:
            found = self._match(part)
            self._found[part] = found
        return found

    def unmatched(self) -> tuple[Change, ...]:
        """The changes that lie in none of the parts, and fit no pattern that was asked about."""
        found = {
            each.path
            for part in self._parts
            for each in (
                self.of(part).changes if isinstance(part, Glob) else self._below[part.path]
            )
        }
        return tuple(each for each in self._changes if each.path not in found)

    def fits(self, glob: Glob, path: str) -> bool:
        """Whether a path fits a pattern."""
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to import, and hardly used

        if not is_below(path, glob.folder):
            return False
        spec = self._specs.get(glob.pattern)
        if spec is None:
            spec = self._specs[glob.pattern] = GitIgnoreSpec.from_lines([glob.pattern])
        inside = path if glob.folder == EVERYTHING else posixpath.relpath(path, glob.folder)
        return spec.match_file(inside)

    def _index(self, wanted: set[str]) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = defaultdict(list)
        changed = {each.path: each for each in self._changes}
        for each in self._changes:
            for path in (each.path, *above(each.path)):
                if path in wanted:
                    found[path].append(each)
        for path in wanted:
            # What lies in a submodule, or where a link leads or led.
            found[path] += (changed[each] for each in above(path) if each in changed)
        return found

    def _match(self, part: Part) -> PathMatch:
        changes = self._below.get(_folder(part), [])
        match part:
            case Subtree():
                return PathMatch(changes=tuple(self._of_tree(part, changes)))
            case Glob():
                fitting = (e for e in changes if e.is_folder or self.fits(part, e.path))
                return PathMatch(changes=tuple(fitting))
            case LockedPackages():
                return self._of_lock(part, changes)

    def _of_tree(self, part: Subtree, changes: Sequence[Change]) -> Iterable[Change]:
        for each in changes:
            # What is named itself counts, and so does what leads to it, or is more than a file.
            whole = each.is_folder or is_below(part.path, each.path)
            if whole or not self._hides(part, each.path):
                yield each

    def _hides(self, part: Subtree, path: str) -> bool:
        ignored = part.ignored
        return path in self._configuration or (ignored is not None and ignored.hides(path))

    def _of_lock(self, part: LockedPackages, changes: Sequence[Change]) -> PathMatch:
        for each in changes:
            old, new = read_uv_lock(self._before(each)), read_uv_lock(self._now(part.path))
            if old is None or new is None:
                return PathMatch(changes=(each,))
            inside = posixpath.relpath(part.package, posixpath.dirname(part.path) or EVERYTHING)
            packages = lock_difference(old, new, inside)
            if packages is None:
                return PathMatch(changes=(each,))
            if packages:
                return PathMatch(changes=(each,), remark=_listed(packages))
        return PathMatch()


def _folder(part: Part) -> str:
    return part.folder if isinstance(part, Glob) else part.path


def _listed(packages: Sequence[str]) -> str:
    most = 3
    more = f" and {len(packages) - most} more" if len(packages) > most else ""
    return ", ".join(packages[:most]) + more
