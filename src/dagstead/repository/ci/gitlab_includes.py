"""The files that a pipeline of GitLab includes from its own repository, put together with it."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Iterator

from dagstead.model.nodes import Entry, Node, mapping

#: More would be a circle to GitLab, too.
_MOST_FILES = 150
_HERE = "./"

#: Reads and parses a file, relative to the top of the repository.
ReadRoot = Callable[[str], Node | None]
#: The names in a folder.
Names = Callable[[str], Iterable[str]]


def included_files(root: Node) -> Iterator[Node]:
    """The paths of files of the repository that a pipeline includes, as they are written."""
    given = root.get("include")
    for each in () if given is None else (given.items or (given,)):
        local = each if each.text else each.get("local")
        if local is not None and local.text and "://" not in local.text:
            yield local


def path_of(node: Node) -> str:
    """The path of such a file, relative to the top of the repository."""
    return posixpath.normpath((node.text or "").removeprefix(_HERE).lstrip("/"))


def with_includes(root: Node, read_root: ReadRoot, names: Names) -> Node:
    """A pipeline with what it includes; its own keys win, as those of later files do."""
    seen: set[str] = set()

    def whole(node: Node) -> Node:
        parts = []
        for path in _paths(node, names):
            if path not in seen and len(seen) < _MOST_FILES:
                seen.add(path)
                found = read_root(path)
                if found is not None and found.is_mapping:
                    parts.append(whole(found))
        if not parts:
            return node
        entries: tuple[Entry, ...] = ()
        for each in (*parts, node):
            entries = _merged(entries, each.entries)
        return mapping(entries, node)

    return whole(root)


def _paths(root: Node, names: Names) -> Iterator[str]:
    for each in included_files(root):
        path = path_of(each)
        folder, name = posixpath.split(path)
        if "*" in folder:
            continue
        if "*" in name:
            yield from (
                posixpath.join(folder, found) for found in fnmatch.filter(names(folder), name)
            )
        else:
            yield path


def _merged(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[Entry, ...]:
    found = {each.key.text: each for each in before}
    for each in after:
        known = found.get(each.key.text)
        if known is not None and known.value.is_mapping and each.value.is_mapping:
            entries = _merged(known.value.entries, each.value.entries)
            found[each.key.text] = Entry(each.key, mapping(entries, each.value))
        else:
            found[each.key.text] = each
    return tuple(found.values())
