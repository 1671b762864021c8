"""What is stored, by kind, and why it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby


class StoredKind(StrEnum):
    """The kinds of things that add up over time."""

    RELEASE = "releases"
    PEX = "PEX files"
    #: Of serverless locations, in the installation's registry.
    IMAGE = "images"
    SNAPSHOT = "snapshots"
    ARTIFACT = "artifacts"
    UPLOAD = "unfinished uploads"
    #: What steps of a run on the managed pool stored for later steps.
    OUTPUT = "step outputs"
    #: What steps of a run wrote to stdout and stderr.
    LOG = "captured logs"
    #: What schedules and sensors have logged.
    TICK_LOG = "tick logs"
    #: What Dagster has stored of a deployment.
    HISTORY = "runs, events and ticks"


class Why(StrEnum):
    """Why something is kept."""

    #: By a location, a release that is loading, or a run that has not ended.
    NEEDED = "needed now"
    EARLIER = "needed by a kept release"
    CACHED = "named by a cache of builds"
    #: It has no versions: it stays until its deployment is deleted.
    NAMED = "current under its name"
    NEWEST = "among the newest"
    #: Runs go one by one.
    HISTORY = "until somebody deletes runs"
    RECENT = "recent"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredItem:
    """Something that is stored: a file, the folder of a run, or a release."""

    kind: StoredKind
    #: The deployment; ``_`` is all of them.
    deployment: str
    #: Unique for its kind and deployment: a path, the id of a run, or the number of a release.
    name: str
    #: Its size in bytes; ``None`` if it is rows of the database.
    size: int | None
    #: When it was last needed or asked for, in seconds since 1970.
    needed_at: float

    @property
    def last_name(self) -> str:
        """The last part of its path."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Something that is stored, and why it is kept; ``None`` means that it may be removed."""

    stored: StoredItem
    why: Why | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KindReport:
    """All that is stored of one kind."""

    kind: StoredKind
    count: int
    #: In bytes; ``None`` if it is rows of the database.
    size: int | None
    #: When the oldest was last needed, in seconds since 1970.
    oldest: float
    #: The number of those that are kept, by the reason.
    kept: Mapping[str, int]
    removable: int
    #: In bytes; ``None`` if it is rows of the database.
    removable_size: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageReport:
    """What is stored, and what the next sweep removes."""

    kinds: Sequence[KindReport]
    #: What the next sweep removes, or what this one has removed.
    removable: Sequence[StoredItem]


def report_on(judgements: Iterable[Judgement]) -> StorageReport:
    """What is stored by kind, and what may be removed."""
    kinds = list(StoredKind)
    every = sorted(judgements, key=lambda each: kinds.index(each.stored.kind))
    return StorageReport(
        kinds=[
            _kind_report(kind, list(of_kind))
            for kind, of_kind in groupby(every, key=lambda each: each.stored.kind)
        ],
        removable=[each.stored for each in every if each.why is None],
    )


def _kind_report(kind: StoredKind, judgements: Sequence[Judgement]) -> KindReport:
    removable = [each.stored for each in judgements if each.why is None]
    return KindReport(
        kind=kind,
        count=len(judgements),
        size=_size(kind, [each.stored for each in judgements]),
        oldest=min(each.stored.needed_at for each in judgements),
        kept=dict(sorted(Counter(str(each.why) for each in judgements if each.why).items())),
        removable=len(removable),
        removable_size=_size(kind, removable),
    )


def _size(kind: StoredKind, stored: Iterable[StoredItem]) -> int | None:
    return None if kind is StoredKind.RELEASE else sum(item.size or 0 for item in stored)
