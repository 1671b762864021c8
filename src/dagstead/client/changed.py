"""Which locations differ from what is live: the record of the control plane, not the last push."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.client.releases import LiveLocation
from dagstead.errors import DagsteadError
from dagstead.repository.changes import Changes, ChangesQuery, find_changes
from dagstead.repository.changes.reports import summary

#: Finds what a change touches; given for tests, and for what the CI files add.
Find = Callable[[ChangesQuery], Changes]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedLocation:
    """A location that is to be deployed, and why."""

    location: str
    #: A sentence without a full stop.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveComparison:
    """Compares a repository with what is live of its locations."""

    path: Path
    names: tuple[str, ...]
    find: Find = field(default=find_changes)

    def with_live(self, deployed: Iterable[LiveLocation]) -> list[ChangedLocation]:
        """The locations that differ, in the order of their names.

        What was never live, went back after a failure, or is of a commit that this clone does not
        have, counts as changed.
        """
        live = {each.location: each for each in deployed}
        found: dict[str, str] = {}
        by_commit: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            record = live.get(name)
            if record is None or record.release is None:
                found[name] = "it has never been live"
            elif record.notice:
                found[name] = "its last release did not go live"
            elif record.commit_hash is None:
                found[name] = f"release {record.release} does not say which commit it is of"
            else:
                by_commit[record.commit_hash].append(name)
        for commit, names in by_commit.items():
            found |= self._since(commit, names)
        return [
            ChangedLocation(location=name, reason=found[name])
            for name in self.names
            if name in found
        ]

    def since(self, revision: str) -> list[ChangedLocation]:
        """The locations that a change since a commit touches.

        Raises:
            DagsteadError: when git has no answer.
        """
        touched = _reasons(self.find(ChangesQuery(path=self.path, since=revision)))
        return [ChangedLocation(location=n, reason=touched[n]) for n in self.names if n in touched]

    def _since(self, commit: str, names: list[str]) -> dict[str, str]:
        try:
            touched = _reasons(self.find(ChangesQuery(path=self.path, since=commit)))
        except DagsteadError:
            # What cannot be known counts as changed: a shallow clone, a commit that was rewritten.
            return dict.fromkeys(names, f"its commit {commit[:12]} is not in this clone")
        return {name: touched[name] for name in names if name in touched}


def _reasons(changes: Changes) -> dict[str, str]:
    return {each.location.name.value: summary(each) for each in changes.touched}
