"""Deliveries: messages about alerts on their way, each to one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from dagstead.model.text import plain_line, plain_lines
from dagstead.plane.alerts import Alert

#: A message names so many alerts, and counts the others.
MOST_ITEMS: Final = 50
#: After a message of a policy, what comes within that time is gathered for the next one.
GATHER_SECONDS: Final = 60.0
#: A place that does not take a message for that long is given up.
GIVE_UP_SECONDS: Final = 3600.0
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 600.0
_MOST_TITLE, _MOST_SAYS, _MOST_NAME = 300, 1500, 200
_MOST_ASSETS = 20


class DeliveryState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    SENT = "sent"
    #: Its place did not take it for too long.
    GIVEN_UP = "given up"
    #: It came during a silence, and is not sent.
    MUTED = "muted"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryItem:
    """An alert as a message has it: plain text, and not too long."""

    event: str
    title: str
    says: str
    at: float | None = None
    location: str | None = None
    repository: str | None = None
    run_id: str | None = None
    job: str | None = None
    automation: str | None = None
    assets: tuple[str, ...] = ()

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """From an alert."""
        run, automation = alert.run, alert.automation
        of = run or automation
        return cls(
            event=str(alert.event),
            title=plain_line(alert.title)[:_MOST_TITLE],
            says=plain_lines(alert.says)[:_MOST_SAYS],
            at=alert.at,
            location=_cut(alert.location),
            repository=_cut(None if of is None else of.repository),
            run_id=None if run is None else run.run_id,
            job=_cut(None if run is None else run.job),
            automation=_cut(None if automation is None else automation.name),
            assets=tuple(
                plain_line("/".join(each.key))[:_MOST_NAME] for each in alert.assets[:_MOST_ASSETS]
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """As a column and a webhook have it."""
        return {**asdict(self), "assets": list(self.assets)}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Self:
        """From a column."""
        return cls(**{**found, "assets": tuple(found["assets"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertDelivery:
    """One message."""

    #: The same in every try: who gets it twice can know.
    id: str
    deployment: str
    policy_id: int
    policy: str
    created_at: float
    #: When it is tried next.
    due_at: float
    state: DeliveryState
    items: Sequence[DeliveryItem]
    #: Of alerts, those beside the items included.
    total: int
    tries: int = 0
    #: Why the last try failed.
    error: str | None = None
    sent_at: float | None = None
    is_test: bool = False

    @property
    def is_tried(self) -> bool:
        """Whether something has become of it."""
        return self.state is not DeliveryState.WAITING or self.tries > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LostDelivery:
    """The newest message of a policy that was given up, where none has arrived since."""

    deployment: str
    policy_id: int
    policy: str
    #: When it was tried last.
    at: float
    #: Why it did not arrive.
    error: str


def next_try(delivery: AlertDelivery, now: float) -> float | None:
    """When to try again, after one more try has failed; ``None`` to give it up."""
    if delivery.is_test or now - delivery.created_at >= GIVE_UP_SECONDS:
        return None
    doubled = _FIRST_PAUSE_SECONDS * 2.0 ** min(delivery.tries, 10)
    return now + min(doubled, _LONGEST_PAUSE_SECONDS)


def _cut(text: str | None) -> str | None:
    return None if text is None else plain_line(text)[:_MOST_NAME]
