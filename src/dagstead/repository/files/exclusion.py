"""The files that a repository's own settings exclude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The files that are no configuration because the settings say so."""

    #: Patterns, and how the root of the project is called from where they are written.
    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def has(self, path: str) -> bool:
        """Whether a path, relative to the root of the project, is excluded."""
        return any(spec.match_file(start + path) for start, spec in self.specs)


#: Nothing is excluded.
NOTHING_EXCLUDED = Exclusion()
