"""The settings of the whole organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.settings.form import (
    ORGANIZATION_FORM,
    IgnoredSetting,
    organization_settings_errors,
)
from dagstead.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """Settings that belong to the whole organization, not to a deployment."""

    _backend: Backend

    def settings(self, actor: Actor) -> Mapping[str, Any]:
        """The settings as they were set; none for actors who are limited in any way.

        The CLI reads them to check whether its token is valid.

        Raises:
            ForbiddenError: for agents.
        """
        actor.require_user()
        if not actor.is_unlimited:
            return {}
        return self._backend.store.properties.organization_settings()

    def ignored_settings(self, actor: Actor) -> Sequence[IgnoredSetting]:
        """The settings that have no effect: an older version has taken them.

        Raises:
            ForbiddenError: for agents.
        """
        return ORGANIZATION_FORM.ignored(self.settings(actor))

    def set_settings(self, actor: Actor, settings: Mapping[str, Any]) -> None:
        """Replace them.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: with all mistakes in them.
        """
        actor.require_organization("Changing the organization's settings")
        errors = organization_settings_errors(settings)
        if errors:
            raise InvalidInputError(" ".join(errors))
        self._backend.store.properties.set_organization_settings(settings)
