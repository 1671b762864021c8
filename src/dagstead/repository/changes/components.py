"""Paths in the files of dg's components, which may lie deep below the folder of a location."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dagstead.repository.changes.files import Files
from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Subtree, above, joined

#: ``{{ project_root }}/../dbt`` begins at the folder of the location, others at the file.
_STEPS_UP = re.compile(r"(?P<root>\{\{[^}]*\}\}/)?(?P<path>\.\./[^\s\"',#\]}]*)")


class Components:
    """The components of a repository."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._below: dict[str, list[str]] = defaultdict(list)
        for path in files.components:
            for folder in above(path):
                self._below[folder].append(path)

    def edges(self, folder: str) -> Iterator[Edge]:
        """What components below a folder name outside of their own."""
        for file in self._below.get(folder, ()):
            text = (self._files.read(file) or b"").decode("utf-8", errors="replace")
            for number, line in enumerate(text.splitlines(), start=1):
                for found in _STEPS_UP.finditer(line.partition(" #")[0]):
                    base = folder if found["root"] else file.rpartition("/")[0] or EVERYTHING
                    target = joined(base, found["path"])
                    if target is not None:
                        hop = Hop(file=file, line=number, what=line.strip())
                        yield Edge(to=Subtree(path=target), hop=hop)
