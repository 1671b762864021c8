"""What a token of a CI job has to be, beside signed: whose it is for ever, and used once.

A provider signs names and numbers of the repository and of its owner. Names can be taken over: an
organization that is renamed or deleted leaves its name to the next one who asks for it. Numbers are
never given again, so those of the first login are kept, and later ones have to have the same.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagstead.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from dagstead.plane.names import NAME_MAX, check_short
from dagstead.plane.trust import Policy, Provider, fits

_NUMBER_MAX = 64
#: How far the clocks of the provider and of this server may be apart, in seconds.
LEEWAY_SECONDS = 60

#: GitHub makes a token when a job asks for one, and it lives for minutes. GitLab makes them when
#: the job starts, and they live as long as the job may.
_LONGEST_MINUTES: Mapping[Provider, int] = {Provider.GITHUB: 30, Provider.GITLAB: 24 * 60}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """The number that a provider has for a repository, or for its owner."""

    issuer: str
    #: ``org/repo`` or ``org``; on GitLab the full path of a project or of its group.
    path: str
    number: str

    def is_of(self, policy: Policy) -> bool:
        """Whether it is about a repository, or an owner of repositories, that a policy names."""
        if policy.issuer != self.issuer:
            return False
        named = policy.claims[policy.provider.repository_claim]
        return fits(named, self.path) or fits(named.rpartition("/")[0], self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPins:
    """Numbers that somebody pins by hand."""

    #: The name of a provider, or the address of an issuer.
    issuer: str
    repository: str
    #: Of the repository, and of its owner. At least one is given.
    number: str | None = None
    owner_number: str | None = None

    def pins(self, issuer: str) -> list[Pin]:
        """The pins, at the address of the issuer.

        Raises:
            InvalidInputError: for a repository without an owner, and without any number.
        """
        owner, _, name = self.repository.rpartition("/")
        if not owner or not name or "*" in self.repository:
            raise InvalidInputError(
                f"--repository {self.repository!r} must be the full name of one repository, such "
                "as org/repo."
            )
        numbers = {self.repository: self.number, owner: self.owner_number}
        pins = [
            Pin(issuer=issuer, path=path, number=number)
            for path, number in numbers.items()
            if number
        ]
        if not pins:
            raise InvalidInputError("Which number? Give --id, --owner-id or both.")
        check_pins(pins)
        return pins


@dataclass(frozen=True, kw_only=True, slots=True)
class JobIdentity:
    """Whose job it is, in names and in numbers."""

    issuer: str
    provider: Provider
    repository: str
    owner: str
    #: ``None`` when the provider signs none.
    number: str | None
    owner_number: str | None

    @classmethod
    def of(cls, provider: Provider, issuer: str, claims: Mapping[str, object]) -> JobIdentity:
        """The one that verified claims name."""
        repository = str(claims[provider.repository_claim])
        owner = claims.get(provider.owner_claim)
        return cls(
            issuer=issuer,
            provider=provider,
            repository=repository,
            owner=str(owner) if owner else repository.rpartition("/")[0],
            number=_number(claims.get(provider.project_id_claim)),
            owner_number=_number(claims.get(provider.owner_id_claim)),
        )

    @property
    def pins(self) -> list[Pin]:
        """The numbers that are signed."""
        numbers = {self.repository: self.number, self.owner: self.owner_number}
        return [
            Pin(issuer=self.issuer, path=path, number=number)
            for path, number in numbers.items()
            if number is not None
        ]

    @property
    def paths(self) -> list[str]:
        """What may be pinned."""
        return [self.repository, self.owner]

    def require(self, pinned: Mapping[str, str]) -> None:
        """Refuse unless the numbers are those that are pinned.

        Args:
            pinned: numbers by path.

        Raises:
            ForbiddenError: saying what differs, and how it is pinned anew.
        """
        claims = {
            self.repository: (self.provider.project_id_claim, self.number),
            self.owner: (self.provider.owner_id_claim, self.owner_number),
        }
        differences = [
            f"{claim} of {path!r} was {pinned[path]} at first, and "
            + ("this token has none" if number is None else f"is {number} now")
            for path, (claim, number) in claims.items()
            if path in pinned and pinned[path] != number
        ]
        if differences:
            raise ForbiddenError(
                f"This job comes from another repository of the same name: "
                f"{'; '.join(differences)}. It was deleted and made anew, or the name went to "
                f"somebody else.{self._how_to_pin()}"
            )

    def _how_to_pin(self) -> str:
        numbers = [("--id", self.number), ("--owner-id", self.owner_number)]
        signed = [part for pair in numbers if pair[1] is not None for part in map(str, pair)]
        if not signed:
            return ""
        issuer = self.provider if self.issuer == self.provider.issuer else self.issuer
        words = ["dagstead", "trust", "pin", "--issuer", issuer, "--repository", self.repository]
        # Somebody will paste it.
        return (
            " If you trust this one, pin its numbers on the server: "
            f"`{shlex.join([*words, *signed])}`."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenUse:
    """The one use of a token of CI."""

    key: str
    #: Until then it has to be remembered, in seconds since 1970.
    expires_at: float

    @classmethod
    def of(cls, issuer: str, claims: Mapping[str, object], signed: str) -> TokenUse:
        """The use of a token.

        Args:
            issuer: of the token.
            claims: verified.
            signed: the part of its text that is signed, for a token without a number.
        """
        given = claims.get("jti")
        name = f"jti {given}" if isinstance(given, str | int) and given else f"text {signed}"
        return cls(
            key=hashlib.sha256(f"{issuer}\n{name}".encode()).hexdigest(),
            expires_at=_seconds(claims, "exp") + LEEWAY_SECONDS,
        )


def check_pins(pins: Sequence[Pin]) -> None:
    """Refuse names and numbers that are longer than any provider's.

    Raises:
        InvalidInputError: for such a one.
    """
    for pin in pins:
        check_short("The repository's name", pin.path, NAME_MAX)
        check_short("The number", pin.number, _NUMBER_MAX)


def require_short_life(provider: Provider, claims: Mapping[str, object]) -> None:
    """Refuse a token of CI that lives longer than the jobs of the provider need.

    Raises:
        UnauthenticatedError: for such a token.
    """
    seconds = _seconds(claims, "exp") - _seconds(claims, "iat")
    longest = _LONGEST_MINUTES[provider]
    # Not "seconds >": with the NaN that JSON may have, no comparison holds.
    if not seconds <= longest * 60:
        hint = (
            " It lives as long as the job may: set its `timeout`."
            if provider is Provider.GITLAB
            else ""
        )
        raise UnauthenticatedError(
            f"This token is valid for {seconds / 60:.0f} minutes, and a token of {provider} may be "
            f"valid for at most {longest} (claims exp and iat).{hint}"
        )


def _seconds(claims: Mapping[str, object], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnauthenticatedError(f"The claim {name!r} of this token is not a time.")
    return float(value)


def _number(value: object) -> str | None:
    is_number = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_number and str(value) else None
