"""Secrets: set and removed by people and CI, given to code, and seen again by few."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.deployments import find_deployment
from dagstead.control.locations import require_location
from dagstead.errors import (
    ConflictError,
    DamagedSecretError,
    ForbiddenError,
    MasterKeyError,
    NotFoundError,
)
from dagstead.plane.deployments import Deployment
from dagstead.plane.given_secrets import GivenSecret
from dagstead.plane.masking import mask_serialized
from dagstead.plane.master_keys import KeyReport
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.roles import Permission
from dagstead.plane.secrets import (
    Home,
    ListedSecret,
    NewSecret,
    Place,
    SecretTarget,
    StoredSecret,
    check_secret,
    effective,
    home_of,
    listed,
    may_list,
    may_see_value,
)
from dagstead.store.secrets import SealedSecret, SecretStore

logger = logging.getLogger(__name__)

_BY_MAX = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeSecret:
    """A variable that code gets."""

    name: str
    value: str = field(repr=False)
    #: Empty is every location.
    locations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSecret:
    """A secret as an actor may see it."""

    listed: ListedSecret
    can_edit: bool
    #: ``None`` if the actor may not see it, or did not ask for it.
    value: str | None = field(repr=False)
    can_view: bool


@dataclass(frozen=True, slots=True)
class Secrets:
    """Acts on secrets, and views of them."""

    _backend: Backend

    def for_code(
        self,
        actor: Actor,
        deployment: Deployment,
        location: str | None,
        given: Sequence[GivenSecret],
    ) -> list[CodeSecret]:
        """The variables that code of a location gets, one for each name.

        Args:
            actor: an agent, or what runs the code.
            deployment: of the location.
            location: ``None`` gets what is for every location.
            given: the secrets of the server's environment, which those of the store replace.

        Raises:
            ForbiddenError: when the actor does not serve the location.
            MasterKeyError: when this process does not have the master key.
            DamagedSecretError: when a row of the database was altered or moved.
        """
        actor.require_code(deployment)
        if location is not None:
            require_location(self._backend, actor, deployment, location)
        home = self._home(deployment)
        texts = self._texts(self._backend.store.secrets.reaching(home, location), given)
        return [
            CodeSecret(
                name=secret.name,
                value=texts.of(secret),
                locations=() if secret.place.location is None else (secret.place.location,),
            )
            for secret in effective(texts.secrets(), home, location)
        ]

    def mask(
        self,
        actor: Actor,
        deployment: Deployment,
        location: str,
        report: str,
        given: Sequence[GivenSecret],
    ) -> str:
        """An agent's report on a location, in serialized form, without values of its secrets.

        Code may end with an error that quotes what it was given.
        """
        actor.require_agent(deployment)
        home = self._home(deployment)
        store = self._backend.store.secrets
        values = [each.value for each in given if home.reached_by(each.secret.place)]
        for sealed in store.reaching(home, location):
            # What cannot be decrypted here, code was not given either.
            with suppress(MasterKeyError, DamagedSecretError):
                values.append(store.value(sealed))
        return mask_serialized(report, values)

    def shown(
        self,
        actor: Actor,
        deployment: Deployment,
        given: Sequence[GivenSecret],
        *,
        with_values: bool = False,
    ) -> list[ShownSecret]:
        """The secrets of a deployment, as far as the actor may see them; the last one wins.

        Args:
            actor: looks at them.
            deployment: of a full one, also what is for its branch deployments and for people.
            given: the secrets of the server's environment.
            with_values: whether to add the values that the actor may see.

        Raises:
            ForbiddenError: for agents, and when the deployment is not granted.
            MasterKeyError: when values are asked for, and this process does not have the key.
        """
        actor.require_user()
        actor.require_deployment(deployment)
        home = self._home(deployment)
        texts = self._texts(self._backend.store.secrets.shown(home), given)
        granted = [secret for secret in texts.secrets() if _may_list(actor, secret, home)]
        found: list[ShownSecret] = []
        for line in listed(granted):
            visible = next((each for each in line.parts if _may_see(actor, each, home)), None)
            shown = ShownSecret(
                listed=line,
                can_edit=line.first.is_stored and self._may_change(actor, line.deployment),
                can_view=visible is not None,
                value=texts.of(visible) if with_values and visible else None,
            )
            found.append(shown)
        return found

    def set(self, actor: Actor, name: str, value: str, target: SecretTarget) -> None:
        """Set a secret, which replaces the value that it has there.

        Raises:
            ForbiddenError: when the actor may not change the deployment as a whole; for all
                deployments, it needs a token for all of them.
            InvalidInputError: when the name, the value or the target cannot be used.
            DeploymentNotFoundError: when the deployment does not exist.
            TooManySecretsError: when there are as many as may be.
            MasterKeyError: when this process does not have the master key.
        """
        places = self._places(actor, target)
        check_secret(name, value)
        new = NewSecret(name=name, value=value, places=places)
        self._backend.store.secrets.set(new, actor.name[:_BY_MAX])
        logger.info("%r has set the secret %s", actor.name, name)

    def remove(self, actor: Actor, name: str, target: SecretTarget) -> int:
        """Remove a secret; returns from how many places it was removed.

        Raises:
            ForbiddenError: as :meth:`set`.
            DeploymentNotFoundError: when the deployment does not exist.
            NotFoundError: when it is not set there.
        """
        removed = self._backend.store.secrets.remove(self._places(actor, target), name)
        if not removed:
            raise NotFoundError(
                f"There is no secret {name[:80]!r} there. See `dagstead secret list`: its scope, "
                "deployment and locations have to be given as they were set."
            )
        logger.info("%r has removed the secret %r", actor.name, name)
        return removed

    def key(self, actor: Actor) -> KeyReport:
        """The master key that is current, and what each key encrypts.

        Raises:
            ForbiddenError: for a limited actor.
            MasterKeyError: when this process does not have the current one.
        """
        actor.require_organization("Looking at the master key")
        vault = self._backend.store.vault
        vault.signing_key()
        return KeyReport(
            current=vault.current().id, source=vault.source.name, used=self._keys_in_use()
        )

    def rotate_key(self, actor: Actor, *, lost: bool = False) -> KeyReport:
        """Have everything encrypted with a new master key, while others read and set secrets.

        Until it is done, processes need both keys, and after it only backups need the old one.

        Args:
            actor: asks for it.
            lost: whether to remove what only a missing key could decrypt: secrets, alert policies,
                and the key that signs sign-ins and addresses of files.

        Raises:
            ForbiddenError: for a limited actor.
            ConflictError: when the newest key of the source is in use already.
            MasterKeyError: when a key is missing; nothing is changed then.
        """
        actor.require_organization("Changing the master key")
        vault, store = self._backend.store.vault, self._backend.store.secrets
        policies = self._backend.store.alert_policies
        used = self._keys_in_use()
        missing = {key_id for key_id in used if not vault.has(key_id)}
        if missing and not lost:
            vault.key(min(missing))
        current = vault.take_over()
        if not missing and set(used) <= {current.id}:
            raise ConflictError(
                f"The newest key in {vault.source.name} is {current.id}, which is in use already. "
                "Put a new one of `openssl rand -hex 32` in front of it, give both to every "
                "process, and rotate then."
            )
        if missing:
            removed = store.forget(ORGANIZATION, missing)
            removed += policies.forget(ORGANIZATION, missing)
            logger.warning("%r: %s secrets of lost keys were removed", actor.name, removed)
        if vault.key_of_signing_key() in missing:
            vault.forget_signing_key()
        changed = vault.rewrap_signing_key() + store.rewrap(ORGANIZATION)
        changed += policies.rewrap(ORGANIZATION)
        logger.info("%r: %s values moved to master key %s", actor.name, changed, current.id)
        return self.key(actor)

    def require_key(self, actor: Actor) -> None:
        """Fail now, and not at the first secret, if this process does not have the master key.

        Raises:
            MasterKeyError: with the next step.
        """
        actor.require_system("Checking the master key")
        self._backend.store.vault.signing_key()
        self._backend.store.vault.current()

    def _keys_in_use(self) -> dict[str, int]:
        store = self._backend.store
        used = store.secrets.keys_in_use(ORGANIZATION)
        for key_id, count in store.alert_policies.keys_in_use(ORGANIZATION).items():
            used[key_id] = used.get(key_id, 0) + count
        of_signing = self._backend.store.vault.key_of_signing_key()
        if of_signing is not None:
            used[of_signing] = used.get(of_signing, 0) + 1
        return used

    def _texts(self, sealed: Sequence[SealedSecret], given: Sequence[GivenSecret]) -> _Texts:
        return _Texts(
            self._backend.store.secrets,
            {each.secret.id: each for each in sealed},
            {each.secret.id: each for each in given},
        )

    def _home(self, deployment: Deployment) -> Home:
        if not deployment.is_branch:
            return home_of(deployment, ())
        every = self._backend.store.deployments.all()
        return home_of(deployment, [each.name for each in every if not each.is_branch])

    def _places(self, actor: Actor, target: SecretTarget) -> frozenset[Place]:
        """The places of a target that the actor may change."""
        if target.deployment is None:
            actor.require_organization("Changing secrets of all deployments")
            return target.places(is_branch=False)
        deployment = find_deployment(self._backend, actor, target.deployment)
        actor.require_change(deployment, "changing its secrets", Permission.SECRETS)
        return target.places(is_branch=deployment.is_branch)

    def _may_change(self, actor: Actor, name: str | None) -> bool:
        try:
            if name is None:
                actor.require_organization("Changing secrets of all deployments")
            else:
                deployment = find_deployment(self._backend, actor, name)
                actor.require_change(deployment, "changing its secrets", Permission.SECRETS)
        except (ForbiddenError, NotFoundError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Texts:
    """The values of secrets from the store and from the server's environment."""

    _store: SecretStore
    _sealed: Mapping[str, SealedSecret]
    _given: Mapping[str, GivenSecret]

    def secrets(self) -> list[StoredSecret]:
        given = [each.secret for each in self._given.values()]
        return [*given, *(each.secret for each in self._sealed.values())]

    def of(self, secret: StoredSecret) -> str:
        given = self._given.get(secret.id)
        return given.value if given else self._store.value(self._sealed[secret.id])


def _may_list(actor: Actor, secret: StoredSecret, home: Home) -> bool:
    if actor.token is None:
        return actor.is_system and home.shows(secret.place)
    return may_list(actor.token, secret.place, home)


def _may_see(actor: Actor, secret: StoredSecret, home: Home) -> bool:
    if actor.token is None:
        return actor.is_system
    return may_see_value(actor.token, secret.place, home)
