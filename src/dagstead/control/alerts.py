"""Alert policies: what people say is to be sent where; and what fires and was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import DamagedSecretError, ForbiddenError, InvalidInputError, NotFoundError
from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryItem
from dagstead.plane.alert_documents import MOST_POLICIES, read_document, read_policy
from dagstead.plane.alert_policies import (
    AlertDocument,
    StoredPolicy,
    UnreadablePolicy,
    masked_entry,
)
from dagstead.plane.alert_states import FiringAlert, Silence
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queues import check_text
from dagstead.plane.roles import Permission
from dagstead.plane.texts import require_small, require_storable_values

_MOST_ENTRY_BYTES = 64 * 1024
_MOST_SILENCE_SECONDS = 31 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownPolicy:
    """A policy as a reader may see it."""

    stored: StoredPolicy
    #: Its entry in the document, without secrets for those who may not change it.
    entry: Mapping[str, Any]
    #: What fires now.
    firing: tuple[FiringAlert, ...] = ()
    #: The silence that holds its messages back.
    silence: Silence | None = None
    #: The newest message.
    last: AlertDelivery | None = None


@dataclass(frozen=True, slots=True)
class Alerts:
    """Acts on alert policies, and views of them."""

    _backend: Backend

    def policies(self, actor: Actor, deployment: Deployment) -> list[ShownPolicy]:
        """The policies of a deployment that can be read, those of the official document first.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
        """
        self._require_reading(actor, deployment)
        stored = self._backend.store.alert_policies.all(deployment.name).readable
        numbers = [each.id for each in stored]
        outbox = self._backend.store.alert_outbox
        firing = [each for each in outbox.firing(ORGANIZATION, numbers) if each.ended_at is None]
        silences = self._backend.store.alert_silences.all(ORGANIZATION, [deployment.name])
        now = self._backend.now()
        may_change = self.may_change(actor, deployment)
        return [
            ShownPolicy(
                stored=each,
                entry=each.entry if may_change else masked_entry(each),
                firing=tuple(found for found in firing if found.policy_id == each.id),
                silence=next((one for one in silences if one.holds(each.id, now)), None),
                last=next(iter(outbox.newest(ORGANIZATION, [each.id], 1)), None),
            )
            for each in stored
        ]

    def unreadable(self, actor: Actor, deployment: Deployment) -> Sequence[UnreadablePolicy]:
        """The policies of a deployment that cannot be read, with the reason.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
        """
        self._require_reading(actor, deployment)
        return self._backend.store.alert_policies.all(deployment.name).unreadable

    def document(
        self, actor: Actor, deployment: Deployment, kind: AlertDocument
    ) -> list[Mapping[str, Any]]:
        """One of the two documents of a deployment; secrets are for those who may change it.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
            DamagedSecretError: when one of its policies cannot be read: whoever synced the rest
                would remove it.
        """
        self._require_reading(actor, deployment)
        stored = self._backend.store.alert_policies.all(deployment.name)
        for each in stored.unreadable:
            if each.document is kind:
                raise DamagedSecretError(each.says)
        may_change = self.may_change(actor, deployment)
        return [
            each.entry if may_change else masked_entry(each)
            for each in stored.readable
            if each.document is kind
        ]

    def may_change(self, actor: Actor, deployment: Deployment) -> bool:
        """Whether the actor may change the alert policies of a deployment.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
        """
        self._require_reading(actor, deployment)
        try:
            self._require_change(actor, deployment)
        except ForbiddenError:
            return False
        return True

    def sync(
        self, actor: Actor, deployment: Deployment, kind: AlertDocument, document: object
    ) -> list[str]:
        """Replace one of the two documents of a deployment; the other one stays as it is.

        Returns:
            The names of its policies.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            InvalidInputError: with everything that is wrong with the document.
        """
        self._require_change(actor, deployment)
        entries = read_document(document, kind)
        self._backend.store.alert_policies.replace(deployment.name, kind, entries, actor.name)
        self._changed()
        return [policy.name for policy, _ in entries]

    def put(self, actor: Actor, deployment: Deployment, entry: object) -> StoredPolicy:
        """Make or change one policy of the official document; others stay as they are.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            InvalidInputError: with what is wrong with it.
        """
        self._require_change(actor, deployment)
        require_small("The alert policy", entry, _MOST_ENTRY_BYTES)
        require_storable_values(entry)
        kind = AlertDocument.OFFICIAL
        policy = read_policy(entry, kind)
        store = self._backend.store.alert_policies
        stored = store.all(deployment.name)
        names = [
            *(each.policy.name for each in stored.readable if each.document is kind),
            *(each.name for each in stored.unreadable if each.document is kind),
        ]
        others = [name for name in names if name != policy.name]
        if len(others) >= MOST_POLICIES:
            raise InvalidInputError(
                f"Deployment {deployment.name!r} has {len(others)} alert policies already, which "
                "is the most. Remove some."
            )
        given: Any = entry
        store.put(deployment.name, kind, policy.name, dict(given), actor.name)
        self._changed()
        return self._named(deployment, policy.name, kind)

    def remove(self, actor: Actor, deployment: Deployment, name: str) -> None:
        """Remove one policy of the official document.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            NotFoundError: when there is none of that name.
        """
        self._require_change(actor, deployment)
        store = self._backend.store.alert_policies
        if not store.remove(deployment.name, AlertDocument.OFFICIAL, name):
            raise _unknown(deployment, name)
        self._changed()

    def test(
        self, actor: Actor, deployment: Deployment, name: str, kind: AlertDocument | None = None
    ) -> str:
        """Have a message sent that only tries a policy; returns the id of the delivery.

        Args:
            actor: asks for it.
            deployment: whose policy it is.
            name: of the policy.
            kind: of its document; if left out, the one that has a policy of that name.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            NotFoundError: when there is none of that name.
        """
        self._require_change(actor, deployment)
        stored = self._named(deployment, name, kind)
        item = DeliveryItem(
            event="TEST",
            title="This is a test",
            says=f"{actor.name} tries alert policy {stored.policy.name}. Nothing is wrong.",
            at=self._backend.now(),
        )
        made = self._backend.store.alert_outbox.add_test(stored, item)
        self._changed()
        return made

    def silence(
        self,
        actor: Actor,
        deployment: Deployment,
        name: str | None,
        until: float,
        note: str | None = None,
    ) -> Silence:
        """Have nothing sent for a time. What still fires when it is over is sent then.

        Args:
            actor: asks for it.
            deployment: whose policies they are.
            name: of a policy; ``None`` is all of them.
            until: in seconds since 1970.
            note: why, for people.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            NotFoundError: when there is none of that name.
            InvalidInputError: when the time is over, or too long.
        """
        self._require_change(actor, deployment)
        now = self._backend.now()
        check_text("The note", note)
        if until <= now:
            raise InvalidInputError(
                "The silence would be over already. Give a length of time, such as 2h, or a later "
                "time."
            )
        if until - now > _MOST_SILENCE_SECONDS:
            raise InvalidInputError(
                "A silence lasts 31 days at most. Set `enabled: false` in the policy instead."
            )
        policy_id = None if name is None else self._named(deployment, name, None).id
        made = self._backend.store.alert_silences.add(
            deployment.name, policy_id, until, note or None, actor.name
        )
        self._changed()
        return made

    def end_silence(self, actor: Actor, deployment: Deployment, silence_id: int) -> None:
        """End a silence.

        Raises:
            ForbiddenError: for those who may not change alert policies.
            NotFoundError: when there is none of that number.
        """
        self._require_change(actor, deployment)
        if not self._backend.store.alert_silences.remove(deployment.name, silence_id):
            raise NotFoundError(
                f"Deployment {deployment.name!r} has no silence {silence_id}. See "
                "`dagstead alerts list`."
            )
        self._changed()

    def silences(self, actor: Actor, deployment: Deployment) -> list[Silence]:
        """The silences of a deployment that hold.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
        """
        self._require_reading(actor, deployment)
        return self._backend.store.alert_silences.all(ORGANIZATION, [deployment.name])

    def deliveries(
        self,
        actor: Actor,
        deployment: Deployment,
        limit: int,
        policies: Collection[int] | None = None,
        before: str | None = None,
    ) -> Sequence[AlertDelivery]:
        """Messages of a deployment, the newest first.

        Args:
            actor: looks at them.
            deployment: whose they are.
            limit: the most.
            policies: only theirs; those of other deployments are left out.
            before: the id of one: only older ones.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
        """
        self._require_reading(actor, deployment)
        own = self._backend.store.alert_policies.all(deployment.name).numbers
        outbox = self._backend.store.alert_outbox
        last = None if before is None else outbox.get(ORGANIZATION, before)
        if before is not None and (last is None or last.policy_id not in own):
            return []
        after = None if last is None else (last.created_at, last.id)
        wanted = own if policies is None else own & set(policies)
        return outbox.newest(ORGANIZATION, wanted, limit, after)

    def delivery(self, actor: Actor, deployment: Deployment, delivery_id: str) -> AlertDelivery:
        """One message.

        Raises:
            ForbiddenError: for those who may not see the whole deployment.
            NotFoundError: when the deployment has none of that id.
        """
        self._require_reading(actor, deployment)
        found = self._backend.store.alert_outbox.get(ORGANIZATION, delivery_id)
        if found is None or found.deployment != deployment.name:
            raise NotFoundError(f"Deployment {deployment.name!r} has no delivery {delivery_id!r}.")
        return found

    def _named(self, deployment: Deployment, name: str, kind: AlertDocument | None) -> StoredPolicy:
        every = self._backend.store.alert_policies.all(deployment.name)
        for each in every.readable:
            if each.policy.name == name and kind in {None, each.document}:
                return each
        for broken in every.unreadable:
            if broken.name == name and kind in {None, broken.document}:
                raise DamagedSecretError(broken.says)
        raise _unknown(deployment, name, [each.policy.name for each in every.readable])

    def _changed(self) -> None:
        self._backend.bell.ring(bell.alerts())

    @staticmethod
    def _require_reading(actor: Actor, deployment: Deployment) -> None:
        actor.require_user()
        actor.require_reading(deployment, "Looking at alert policies")

    @staticmethod
    def _require_change(actor: Actor, deployment: Deployment) -> None:
        actor.require_change(deployment, "Changing alert policies", Permission.ALERTS)


def _unknown(deployment: Deployment, name: str, known: Sequence[str] = ()) -> NotFoundError:
    there = f" There are: {', '.join(known[:10])}." if known else ""
    return NotFoundError(
        f"Deployment {deployment.name!r} has no alert policy {name!r}.{there} See "
        "`dagstead alerts list`."
    )
