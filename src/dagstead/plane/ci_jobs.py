"""CI jobs that have proven who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class CiJob:
    """The CI job that a token was given to, as its provider has signed it."""

    #: The address of the provider.
    issuer: str
    #: The provider's own number of the project, which nobody else gets; its path, where the
    #: provider signs no number.
    project: str
    #: Whether it runs for a pull request or merge request.
    is_pull_request: bool

    def as_json(self) -> Mapping[str, Any]:
        """For a column of the database."""
        return asdict(self)
