"""Views of how the control plane is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.settings.form import DEPLOYMENT_FORM, ORGANIZATION_FORM
from dagstead.plane.health import ServerPart, parts_of, settings_part, tokens_part
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import SOON_SECONDS
from dagstead.plane.trail_health import trail_part


@dataclass(frozen=True, slots=True)
class Health:
    """Views of the parts of a control plane."""

    _backend: Backend

    def parts(self, actor: Actor) -> Sequence[ServerPart]:
        """How each part is.

        Raises:
            ForbiddenError: for a limited actor.
            StoreAwayError: when the database does not answer.
        """
        actor.require_organization("Looking at the parts of the control plane")
        return parts_now(self._backend)


def parts_now(backend: Backend) -> Sequence[ServerPart]:
    """How each part is, for views that have asked who the actor is."""
    store = backend.store
    parts = parts_of(
        store.leases.leader(),
        store.disks.all(),
        store.agents.all(ORGANIZATION),
        store.token_calls.presence(),
        refusal=store.database.refusal(),
        pause=store.properties.pause(),
    )
    now = backend.now()
    return (
        *parts,
        tokens_part(store.tokens.ending(SOON_SECONDS), now),
        trail_part(store.trail.sinks(), now),
        settings_part(_ignored(backend)),
    )


def _ignored(backend: Backend) -> Mapping[str, Sequence[str]]:
    """The stored settings that have no effect, by whose they are."""
    store = backend.store
    found = {
        f"deployment {each.name}": DEPLOYMENT_FORM.ignored(each.settings)
        for each in store.deployments.all()
    }
    of_all = ORGANIZATION_FORM.ignored(store.properties.organization_settings())
    every = {"the organization": of_all, **found}
    return {
        whose: [setting.path for setting in ignored] for whose, ignored in every.items() if ignored
    }
