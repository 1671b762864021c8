"""Trust in CI providers: whose tokens are exchanged for one of ours, and what that one may do.

A provider signs a token with claims about the repository, the branch and the environment of a job.
A policy names an issuer and the values of some claims; a token that fits gets the policy's grant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from dagstead.errors import InvalidInputError
from dagstead.plane.names import NAME_MAX, check_short
from dagstead.plane.roles import EDITOR, Roles

#: How long our token lives, unless a policy sets another time: long enough to upload and load a
#: deploy, too short for somebody to make use of a log that shows it.
DEFAULT_MINUTES = 15
_MOST_MINUTES = 120

_BRANCH_PREFIX = "refs/heads/"
_TAG_PREFIX = "refs/tags/"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Provider(StrEnum):
    """The providers whose claims a policy can name."""

    GITHUB = "github"
    GITLAB = "gitlab"

    @property
    def issuer(self) -> str:
        """The address of the issuer for its public service."""
        return _PUBLIC[self]

    @property
    def repository_claim(self) -> str:
        """The claim with the full name of the repository."""
        return "repository" if self is Provider.GITHUB else "project_path"

    @property
    def project_id_claim(self) -> str:
        """The claim with the number of the repository, which is never another's."""
        return "repository_id" if self is Provider.GITHUB else "project_id"

    @property
    def owner_claim(self) -> str:
        """The claim with the name of the organization, person or group that has the repository."""
        return "repository_owner" if self is Provider.GITHUB else "namespace_path"

    @property
    def owner_id_claim(self) -> str:
        """The claim with the number of the owner, which is never another's."""
        return "repository_owner_id" if self is Provider.GITHUB else "namespace_id"

    @property
    def ref_claim(self) -> str:
        """The claim with the full name of the branch or tag.

        Not GitLab's ``ref``: for a merge request it names a branch that may be a fork's.
        """
        return "ref" if self is Provider.GITHUB else "ref_path"

    @property
    def event_claim(self) -> str:
        """The claim with what has started the job."""
        return "event_name" if self is Provider.GITHUB else "pipeline_source"

    def is_pull_request(self, claims: Mapping[str, object]) -> bool:
        """Whether a job runs for a pull request or merge request, whatever starts it."""
        event = _text(claims.get(self.event_claim))
        ref = _text(claims.get(self.ref_claim)) or ""
        return event in _OF_PULL_REQUESTS or ref.startswith(_PULL_REFS)


#: What starts the jobs of pull requests, at any provider. GitHub runs some of them for the ref of
#: the base branch, where the pull request's code may be checked out all the same.
_OF_PULL_REQUESTS = frozenset(
    {
        *("pull_request", "pull_request_target", "pull_request_review"),
        *("pull_request_review_comment", "merge_request_event", "external_pull_request_event"),
    }
)
_PULL_REFS = ("refs/pull/", "refs/merge-requests/")

#: What outsiders of a repository can start on GitHub, for the ref of its default branch: they
#: choose what such a job reads, and often enough what it runs. Members start GitLab's pipelines.
_OF_OUTSIDERS = frozenset(
    {
        *("pull_request_target", "workflow_run", "issue_comment", "issues"),
        *("discussion", "discussion_comment", "fork", "gollum", "watch"),
    }
)

_PUBLIC = {
    Provider.GITHUB: "https://token.actions.githubusercontent.com",
    Provider.GITLAB: "https://gitlab.com",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFilter:
    """The CI jobs that a policy is for. ``*`` matches anything but ``/``, ``**`` anything."""

    repository: str
    branch: str | None = None
    tag: str | None = None
    environment: str | None = None
    #: Whether any branch, tag or environment fits, and pull requests too.
    any_ref: bool = False
    #: More claims, by their names.
    claims: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class JobGrant:
    """What the token of a matching job may do."""

    #: Full deployments.
    deployments: frozenset[str]
    #: Whether it may use branch deployments of the job's own repository.
    branch_deployments: bool
    #: ``None`` is every location. With names, it can deploy these locations and do nothing else.
    locations: frozenset[str] | None
    minutes: int = DEFAULT_MINUTES
    roles: Roles = EDITOR

    @property
    def described_deployments(self) -> str:
        """The deployments, for people."""
        branches = ["branch deployments"] if self.branch_deployments else []
        return ", ".join([*sorted(self.deployments), *branches])


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPolicy:
    """A policy that is not stored yet."""

    #: The name of a provider, or the address of an issuer.
    issuer: str
    #: The provider whose claims an issuer with an address of its own uses.
    provider: Provider | None
    wanted: JobFilter
    allowed: JobGrant


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """A claim that differs from what a policy requires."""

    claim: str
    wanted: str
    #: ``None`` when the token lacks it.
    found: str | None

    def __str__(self) -> str:
        found = "which it lacks" if self.found is None else f"and it is {self.found!r}"
        return f"{self.claim} must be {self.wanted!r}, {found}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsidersEvent:
    """A job was started by what outsiders can do, and a policy does not name that."""

    claim: str
    event: str

    def __str__(self) -> str:
        return (
            f"{self.claim} is {self.event!r}, which outsiders can cause while the job runs with "
            f"the rights of the default branch: only `--claim {self.claim}={self.event}` takes it"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A stored trust policy."""

    id: int
    provider: Provider
    issuer: str
    #: Patterns by the name of the claim.
    claims: Mapping[str, str]
    allowed: JobGrant
    created_at: float
    last_used_at: float | None = None

    def mismatches(self, claims: Mapping[str, object]) -> tuple[Mismatch | OutsidersEvent, ...]:
        """The claims for which a token does not fit; empty when it fits."""
        return tuple(
            Mismatch(claim=name, wanted=pattern, found=_text(claims.get(name)))
            for name, pattern in sorted(self.claims.items())
            if not fits(pattern, _text(claims.get(name)))
        ) + self._outsiders(claims)

    def _outsiders(self, claims: Mapping[str, object]) -> tuple[OutsidersEvent, ...]:
        claim = self.provider.event_claim
        event = _text(claims.get(claim))
        # A pattern such as * does not say that somebody has thought of this.
        if self.provider is not Provider.GITHUB or self.claims.get(claim) == event:
            return ()
        if event is None or event not in _OF_OUTSIDERS:
            return ()
        return (OutsidersEvent(claim=claim, event=event),)

    def is_about(self, claims: Mapping[str, object]) -> bool:
        """Whether it is for the repository of a token, whose holder may then read about it."""
        name = self.provider.repository_claim
        return fits(self.claims[name], _text(claims.get(name)))

    @property
    def fits_pull_requests(self) -> bool:
        """Whether jobs of pull requests may fit, as far as the policy names what is known of it."""
        names = {self.provider.ref_claim, self.provider.event_claim, "environment", "ref_protected"}
        return names.isdisjoint(self.claims)

    @property
    def outsiders_event(self) -> str | None:
        """The event of outsiders that it names, if it does."""
        event = self.claims.get(self.provider.event_claim)
        is_github = self.provider is Provider.GITHUB
        return event if is_github and event in _OF_OUTSIDERS else None

    def repository_of(self, claims: Mapping[str, object]) -> str:
        """The repository of a token that fits."""
        return str(claims[self.provider.repository_claim])


def fits(pattern: str, value: str | None) -> bool:
    """Whether a value matches a pattern; upper and lower case differ."""
    return value is not None and _compiled(pattern).fullmatch(value) is not None


def claims_of(provider: Provider, wanted: JobFilter) -> dict[str, str]:
    """A policy's claims, in the words of the provider.

    Raises:
        InvalidInputError: for a policy that would trust more than its author can mean.
    """
    _check(wanted)
    claims = {provider.repository_claim: wanted.repository, **wanted.claims}
    if wanted.environment is not None:
        claims["environment"] = wanted.environment
    if wanted.branch is not None:
        claims[provider.ref_claim] = _BRANCH_PREFIX + wanted.branch
    if wanted.tag is not None:
        claims[provider.ref_claim] = _TAG_PREFIX + wanted.tag
    return claims


def check_issuer(address: str, *, loopback: bool) -> str:
    """Return an issuer's address if it may be asked for its keys.

    Raises:
        InvalidInputError: for anything but https; ``loopback`` also allows http on this machine.
    """
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (
        loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK
    )
    if not is_safe or not parts.hostname or parts.query or parts.fragment or parts.username:
        msg = (
            f"{address!r} cannot be an issuer. Use github, gitlab, or the https address that signs "
            "the tokens of your own server, such as https://gitlab.example.com."
        )
        raise InvalidInputError(msg)
    check_short("The issuer", address, NAME_MAX)
    return address.rstrip("/")


def check_minutes(minutes: int) -> int:
    """Return how long a token may live.

    Raises:
        InvalidInputError: for less than a minute, and for more than a token of CI may live.
    """
    if not 1 <= minutes <= _MOST_MINUTES:
        msg = f"A token of CI lives 1 to {_MOST_MINUTES} minutes, not {minutes}."
        raise InvalidInputError(msg)
    return minutes


def _check(wanted: JobFilter) -> None:
    owner, slash, name = wanted.repository.partition("/")
    if not slash or not owner or not name or "*" in owner:
        msg = (
            f"--repository {wanted.repository!r} must begin with an owner that is written out, "
            "such as org/repo or org/*: others could make a repository that fits."
        )
        raise InvalidInputError(msg)
    if wanted.branch is not None and wanted.tag is not None:
        msg = "A job runs for a branch or for a tag, never for both. Make two policies."
        raise InvalidInputError(msg)
    given = (wanted.branch, wanted.tag, wanted.environment)
    if not any(given) and not wanted.any_ref:
        msg = (
            "Which jobs of the repository? Name a --branch, a --tag or an --environment, or say "
            "--any-ref: then every branch and pull request gets this token."
        )
        raise InvalidInputError(msg)
    if any(given) and wanted.any_ref:
        msg = "--any-ref and a --branch, --tag or --environment contradict each other."
        raise InvalidInputError(msg)
    reserved = {"aud", "exp", "iat", "iss", "nbf"} & set(wanted.claims)
    if reserved:
        msg = f"The claim {min(reserved)!r} is always checked, and cannot be set with --claim."
        raise InvalidInputError(msg)


def _compiled(pattern: str) -> re.Pattern[str]:
    parts: Sequence[str] = re.split(r"(\*\*|\*)", pattern)
    meaning = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _text(value: object) -> str | None:
    """A claim as text; GitLab writes numbers and yes-or-no as text already."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else None
