"""Secrets: variables of user code. Where one is set, what code it reaches, and who may see it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.errors import InvalidInputError
from dagstead.plane.branches import base_of
from dagstead.plane.deployments import Deployment
from dagstead.plane.names import NAME_MAX, check_location_name
from dagstead.plane.roles import Permission, Role
from dagstead.plane.tokens import Token, TokenKind

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: A process on Linux takes 128 KiB per variable.
_VALUE_MAX = 64 * 1024
#: Set for every process of user code, so that a secret of that name would be lost or do harm. The
#: others are those that Dagster+ refuses, too (``dagster_cloud/constants.py``).
_RESERVED = frozenset(
    {
        "DAGSTER_HOME",
        "DAGSTER_CLOUD_AGENT_TOKEN",
        "DAGSTER_CLOUD_DEPLOYMENT_NAME",
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT",
        "DAGSTER_CLOUD_LOCATION_NAME",
        "DAGSTER_CLOUD_PULL_REQUEST_ID",
        "DAGSTER_CLOUD_PULL_REQUEST_STATUS",
        "DAGSTER_CLOUD_RAW_GIT_URL",
    }
)
_RESERVED_BEGINNINGS = ("DAGSTER_CLOUD_GIT_", "DAGSTEAD_")


class SecretKind(StrEnum):
    """Who gets a secret."""

    #: Code of full deployments.
    FULL = "full"
    #: Code of branch deployments.
    BRANCHES = "branches"
    #: Code of one branch deployment.
    BRANCH = "branch"
    #: People, on their own machines.
    LOCAL = "local"


#: Whose values a token may show if nothing else was said: CI works for deployments, people do not.
_VALUES_OF_CI = frozenset({SecretKind.FULL, SecretKind.BRANCHES, SecretKind.BRANCH})
_VALUES_OF_PEOPLE = frozenset({SecretKind.LOCAL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a value is set: at most one value for each place and name."""

    kind: SecretKind
    #: The full deployment to which it belongs, with the branch deployments that are based on it;
    #: for ``BRANCH``, the branch deployment. ``None`` is all of them.
    deployment: str | None = None
    #: ``None`` is every location.
    location: str | None = None

    def slot(self, name: str) -> bytes:
        """The place and the name of a secret as one text, which no other place and name has."""
        parts = ["secret", name, str(self.kind), self.deployment, self.location]
        return json.dumps(parts, ensure_ascii=False).encode()

    def digest(self, name: str) -> str:
        """The same in 64 letters, as a key."""
        return hashlib.sha256(self.slot(name)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSecret:
    """A secret at one place, without its value."""

    id: str
    name: str
    place: Place
    #: The same for all places that were set together, to the same value.
    batch: str
    updated_at: float | None = None
    updated_by: str | None = None
    #: Whether it is in the store, or in the environment of the server.
    is_stored: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSecret:
    """A value to be set, at every one of some places."""

    name: str
    value: str = field(repr=False)
    places: frozenset[Place]


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretTarget:
    """For whom a secret is set, as people say it."""

    #: Of ``FULL``, ``BRANCHES`` and ``LOCAL``; empty is code of the deployment that is named, or
    #: else of full deployments.
    kinds: frozenset[SecretKind] = frozenset()
    #: Of either kind; ``None`` is all of them.
    deployment: str | None = None
    #: Empty is every location.
    locations: frozenset[str] = frozenset()

    def places(self, *, is_branch: bool) -> frozenset[Place]:
        """Where the secret is set.

        Args:
            is_branch: whether the deployment that is named is a branch deployment.

        Raises:
            InvalidInputError: when a branch deployment is named together with other scopes.
        """
        for location in self.locations:
            check_location_name(location)
        return frozenset(
            Place(kind=kind, deployment=self.deployment, location=location)
            for kind in self._kinds(is_branch=is_branch)
            for location in self.locations or (None,)
        )

    def _kinds(self, *, is_branch: bool) -> frozenset[SecretKind]:
        allowed = {SecretKind.BRANCH} if is_branch else set(SecretKind) - {SecretKind.BRANCH}
        kinds = self.kinds or {SecretKind.BRANCH if is_branch else SecretKind.FULL}
        if not kinds <= allowed:
            raise InvalidInputError(
                f"{self.deployment!r} is {'a branch' if is_branch else 'not a branch'} deployment. "
                "Name a full deployment with the scopes full, branch and local, or a branch "
                "deployment without a scope."
            )
        return frozenset(kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """A deployment, and the full deployment whose secrets are meant for it."""

    deployment: Deployment
    #: A full deployment's own name; of a branch deployment, its base.
    owner: str | None

    def reached_by(self, place: Place) -> bool:
        """Whether code of the deployment gets what is set at a place, at one of its locations.

        Code of a branch deployment gets nothing that is for full deployments.
        """
        match place.kind:
            case SecretKind.FULL:
                return not self.deployment.is_branch and self._owns(place)
            case SecretKind.BRANCHES:
                return self.deployment.is_branch and self._owns(place)
            case SecretKind.BRANCH:
                return self.deployment.is_branch and place.deployment == self.deployment.name
            case _:
                return False

    def shows(self, place: Place) -> bool:
        """Whether a list of the deployment's secrets has what is set at a place.

        That of a full deployment also has what is for its branch deployments and for people.
        """
        if self.deployment.is_branch:
            return self.reached_by(place)
        return place.kind is not SecretKind.BRANCH and self._owns(place)

    def _owns(self, place: Place) -> bool:
        return place.deployment is None or place.deployment == self.owner


def home_of(deployment: Deployment, full: Iterable[str]) -> Home:
    """Whose secrets a deployment gets.

    Args:
        deployment: of either kind.
        full: the names of all full deployments.
    """
    if not deployment.is_branch:
        return Home(deployment=deployment, owner=deployment.name)
    return Home(deployment=deployment, owner=base_of(deployment, full))


def may_see_value(token: Token, place: Place, home: Home) -> bool:
    """Whether the holder of a token may see the value of a secret again.

    That is a right of its own. CI may see what the code gets that it deploys: of its deployments,
    and of its locations. People may see what is for their own machines. ``secret_values`` of a
    token says otherwise. In any case it takes the role of an editor.

    Args:
        token: of the caller.
        place: where the value is set.
        home: the deployment that is asked for, which the token grants.
    """
    if token.kind is not TokenKind.USER or not may_list(token, place, home):
        return False
    if not _role_for(token, place, home).includes(Permission.SECRETS.least):
        return False
    if place.kind is SecretKind.BRANCHES and not home.deployment.is_branch:
        # Asked for at the base: the branch deployments must be granted as well.
        return place.kind in values_of(token) and _grants_all_branches(token)
    return place.kind in values_of(token)


def _role_for(token: Token, place: Place, home: Home) -> Role:
    """The role where code gets what is set at a place."""
    deployment, roles = home.deployment, token.roles
    if place.kind is SecretKind.BRANCHES and not deployment.is_branch:
        return roles.of_branches
    if place.location is None:
        return roles.of(deployment.name, is_branch=deployment.is_branch)
    return roles.at(deployment.name, place.location, is_branch=deployment.is_branch)


def may_list(token: Token, place: Place, home: Home) -> bool:
    """Whether the holder of a token may know that a secret is set at a place.

    Args:
        token: of the caller.
        place: where the value is set.
        home: the deployment that is asked for, which the token grants.
    """
    is_of_location = (
        token.locations is None or place.location is None or place.location in token.locations
    )
    return is_of_location and home.shows(place)


def values_of(token: Token) -> frozenset[SecretKind]:
    """The kinds of secrets whose values a token may show."""
    if token.secret_values is not None:
        return frozenset(map(SecretKind, token.secret_values))
    return _VALUES_OF_PEOPLE if token.repository is None else _VALUES_OF_CI


def ranked(secrets: Iterable[StoredSecret]) -> list[StoredSecret]:
    """Secrets in the order in which they win, the last one over all others of its name.

    First those of the server's environment, then those of the store; those that are for fewer
    places later: a location counts more than a deployment, and a branch deployment more than all of
    its base.
    """
    return sorted(secrets, key=_rank)


def effective(
    secrets: Iterable[StoredSecret], home: Home, location: str | None
) -> Sequence[StoredSecret]:
    """The secrets that code gets, one for each name.

    Args:
        secrets: of any places.
        home: the deployment of the code.
        location: of the code; ``None`` gets what is for every location.
    """
    by_name = {
        secret.name: secret
        for secret in ranked(secrets)
        if home.reached_by(secret.place) and secret.place.location in {None, location}
    }
    return list(by_name.values())


def check_secret(name: str, value: str) -> None:
    """Refuse what cannot be a variable of a process.

    Raises:
        InvalidInputError: with the reason, and without the value.
    """
    check_secret_name(name)
    if "\0" in value:
        raise InvalidInputError(f"The value of {name} has a zero byte, which no variable may have.")
    size = len(value.encode(errors="surrogatepass"))
    if size > _VALUE_MAX:
        raise InvalidInputError(
            f"The value of {name} has {size} bytes. A variable may have at most {_VALUE_MAX}: keep "
            "a larger one as a file elsewhere, and its address here."
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"The value of {name} is not UTF-8 text.") from error


def check_secret_name(name: str) -> None:
    """Refuse what cannot be the name of a variable, and what has a meaning already.

    Raises:
        InvalidInputError: with the reason.
    """
    if not _NAME.fullmatch(name) or len(name) > NAME_MAX:
        raise InvalidInputError(
            f"{name[:80]!r} cannot name a secret. Use letters, digits and '_', not beginning with "
            f"a digit, at most {NAME_MAX} characters."
        )
    if name in _RESERVED or name.startswith(_RESERVED_BEGINNINGS):
        raise InvalidInputError(
            f"{name} is set by Dagster itself for all code. Choose another name."
        )


def listed(secrets: Iterable[StoredSecret]) -> list[ListedSecret]:
    """Secrets as people see them: places that were set together, to one value, are one line."""
    batches: dict[tuple[str, str, str | None], dict[SecretKind, list[StoredSecret]]] = {}
    for secret in ranked(secrets):
        key = (secret.batch, secret.name, secret.place.deployment)
        batches.setdefault(key, {}).setdefault(secret.place.kind, []).append(secret)
    found: list[ListedSecret] = []
    for (_, name, deployment), kinds in batches.items():
        found += _lines(name, deployment, kinds)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSecret:
    """One value, and all places where it is set, of one deployment."""

    name: str
    deployment: str | None
    kinds: frozenset[SecretKind]
    #: Empty is every location.
    locations: frozenset[str]
    parts: tuple[StoredSecret, ...]

    @property
    def first(self) -> StoredSecret:
        """One of its parts; all of them have the same value."""
        return self.parts[0]


def _lines(
    name: str, deployment: str | None, kinds: Mapping[SecretKind, Sequence[StoredSecret]]
) -> list[ListedSecret]:
    """The kinds that are for the same locations together."""
    by_locations: dict[frozenset[str], list[StoredSecret]] = {}
    for secrets in kinds.values():
        # What is set together is for every location, or for some by their names.
        locations = frozenset(each.place.location for each in secrets if each.place.location)
        by_locations.setdefault(locations, []).extend(secrets)
    return [
        ListedSecret(
            name=name,
            deployment=deployment,
            kinds=frozenset(each.place.kind for each in parts),
            locations=locations,
            parts=tuple(parts),
        )
        for locations, parts in by_locations.items()
    ]


def _rank(secret: StoredSecret) -> tuple[bool, bool, int, str]:
    place = secret.place
    breadth = 2 if place.kind is SecretKind.BRANCH else int(place.deployment is not None)
    return (secret.is_stored, place.location is not None, breadth, secret.name)


def _grants_all_branches(token: Token) -> bool:
    if token.repository is not None:
        return False
    return token.branch_deployments or token.deployments is None
