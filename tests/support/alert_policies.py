"""Documents of alert policies for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.plane.alert_policies import AlertDocument
from dagstead.store.all import Store
from dagstead.store.tables import alert_policies


def entry_of(name: str = "p", *events: str, **changes: Any) -> dict[str, Any]:
    """A policy that posts to a page, as a document has it."""
    return {
        "name": name,
        "event_types": list(events) or ["AGENT_UNAVAILABLE"],
        "notification_service": {"webhook": {"webhook_url": "https://example.com/hook/t0ken"}},
        **changes,
    }


def to_hook(address: str, secret: str | None = None) -> Mapping[str, Any]:
    """The service of a policy that posts to an address."""
    signed = {} if secret is None else {"secret": secret}
    return {"webhook": {"webhook_url": address, **signed}}


def sync(
    control: Control,
    *entries: Mapping[str, Any],
    kind: AlertDocument = AlertDocument.OWN,
    deployment: str = "prod",
) -> None:
    """Store a document."""
    place = control.deployments.named(COMMAND_LINE, deployment)
    control.alerts.sync(COMMAND_LINE, place, kind, list(entries))


def damage(store: Store, name: str, changes: Mapping[str, str] | None = None) -> None:
    """Change the encrypted entry of a policy in the database, so that it cannot be read."""
    of_name = alert_policies.c.name == name
    with store.database.write() as connection:
        sealed = connection.execute(select(alert_policies.c.sealed).where(of_name)).scalar_one()
        changed = {**sealed, **(changes or {"sealed": "AAAA"})}
        connection.execute(update(alert_policies).where(of_name).values(sealed=changed))
