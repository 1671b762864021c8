"""Projects: the repositories whose CI jobs come here, as their provider has verified them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dagstead.plane.trust import Policy, Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A repository of a CI provider."""

    #: The repository's full path, such as ``org/repo`` or ``group/subgroup/project``.
    path: str
    #: ``None`` for a token that was made before this was recorded.
    provider: Provider | None = None
    #: Who signed for it. Two servers of GitLab number their projects apart.
    issuer: str | None = None
    #: The provider's number: it stays when the repository is renamed, and is never used again.
    id: str | None = None

    @classmethod
    def of_job(cls, policy: Policy, claims: Mapping[str, object]) -> Self:
        """The project of a job whose claims were verified and fit a policy."""
        number = claims.get(policy.provider.project_id_claim)
        return cls(
            path=policy.repository_of(claims),
            provider=policy.provider,
            issuer=policy.issuer,
            id=str(number) if isinstance(number, str | int) and str(number) else None,
        )

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """From a column."""
        if stored is None:
            return None
        provider = stored.get("provider")
        return cls(**{**stored, "provider": provider and Provider(provider)})

    @property
    def as_stored(self) -> Mapping[str, Any]:
        """For a column."""
        return {
            "path": self.path,
            "provider": self.provider and str(self.provider),
            "issuer": self.issuer,
            "id": self.id,
        }

    @property
    def key(self) -> str:
        """What names it for ever, as far as that is known."""
        return f"{self.issuer or ''} {self.id or self.path}"

    def is_same(self, other: Project) -> bool:
        """Whether both are one repository."""
        if None not in {self.issuer, other.issuer} and self.issuer != other.issuer:
            return False
        if None not in {self.id, other.id}:
            return self.id == other.id and self.issuer == other.issuer
        return self.path == other.path

    def owns(self, owner: Project | None, reported: str | None) -> bool:
        """Whether a branch deployment is of this repository.

        Args:
            owner: the project whose job made it. Without one, it was made with a token that is of
                no repository, or by an older version.
            reported: the repository as the client that made it has named it. Without an owner it
                must be the full path: a GitLab project's short name says nothing of its group.
        """
        return reported == self.path if owner is None else self.is_same(owner)

    def may_report(self, repository: str) -> bool:
        """Whether a job of this project may call its repository so.

        Official clients name a GitLab project without its groups.
        """
        names = {self.path}
        if self.provider is not Provider.GITHUB:
            names.add(self.path.rsplit("/", maxsplit=1)[-1])
        return repository in names
