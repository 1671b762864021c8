"""Secrets of a control plane in its own folder."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.client.secrets import ListedSecret
from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.control.secrets import ShownSecret
from dagstead.plane.master_keys import KeyReport
from dagstead.plane.secrets import SecretTarget


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    """Acts on secrets, and the list of them."""

    _control: Control

    def all(self, deployment: str | None = None, *, values: bool = False) -> list[ListedSecret]:
        """The secrets of a deployment, or of all; with ``values``."""
        deployments = self._control.deployments
        chosen = (
            deployments.granted(COMMAND_LINE)
            if deployment is None
            else [deployments.named(COMMAND_LINE, deployment)]
        )
        # What the environment of its server gives is not known here.
        found = [
            _listed(each)
            for one in chosen
            for each in self._control.secrets.shown(COMMAND_LINE, one, (), with_values=values)
        ]
        return list({each.id: each for each in found}.values())

    def set(self, name: str, value: str, target: SecretTarget) -> None:
        """Set a secret."""
        self._control.secrets.set(COMMAND_LINE, name, value, target)

    def remove(self, name: str, target: SecretTarget) -> int:
        """Remove a secret; returns from how many places."""
        return self._control.secrets.remove(COMMAND_LINE, name, target)

    def key(self) -> KeyReport:
        """The master keys in use."""
        return self._control.secrets.key(COMMAND_LINE)

    def rotate_key(self, *, lost: bool) -> KeyReport:
        """Have everything encrypted with a new master key."""
        return self._control.secrets.rotate_key(COMMAND_LINE, lost=lost)


def _listed(shown: ShownSecret) -> ListedSecret:
    listed = shown.listed
    return ListedSecret(
        id=listed.first.id,
        name=listed.name,
        kinds=listed.kinds,
        deployment=listed.deployment,
        locations=listed.locations,
        updated_at=listed.first.updated_at,
        updated_by=listed.first.updated_by,
        is_given=not listed.first.is_stored,
        can_view=shown.can_view,
        value=shown.value,
    )
