"""What the code of a branch deployment changes against that of its base."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetChange:
    """An asset that is not the same in both."""

    #: Its key, with slashes between the parts.
    asset: str
    #: Of the branch deployment; of the base for one that is removed.
    location: str
    #: What is different, in Dagster's words: ``NEW``, ``CODE_VERSION``, ``REMOVED`` and the like.
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A branch deployment beside its base."""

    base: str
    #: When the definitions of the base were kept; ``None`` for those that it has now.
    taken_at: float | None
    changes: tuple[AssetChange, ...]
