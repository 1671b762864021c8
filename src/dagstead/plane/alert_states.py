"""What lasts: which alerts of a policy fire, and when it is time for a message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dagstead.model.text import plain_line, plain_lines
from dagstead.plane.alert_policies import AlertPolicy
from dagstead.plane.alerts import Alert, wants

#: What comes back within that time is the same as before, and nothing is sent again.
SAME_SECONDS = 300.0
_MOST_TITLE, _MOST_SAYS = 300, 1500


@dataclass(frozen=True, kw_only=True, slots=True)
class FiringAlert:
    """An alert that lasts, of one policy."""

    policy_id: int
    key: str
    event: str
    title: str
    says: str
    #: When it began.
    at: float | None
    seen_at: float
    #: When a message about it was last made; ``None`` if none was.
    notified_at: float | None = None
    #: When it was first missed.
    ended_at: float | None = None
    #: The message.
    delivery_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """Nothing is sent for a time."""

    id: int
    deployment: str
    #: ``None`` is all policies of the deployment.
    policy_id: int | None
    until: float
    by: str
    created_at: float
    note: str | None = None

    def holds(self, policy_id: int, now: float) -> bool:
        """Whether it holds messages of a policy back."""
        return self.policy_id in {None, policy_id} and now < self.until


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRound:
    """What one look finds for a policy."""

    #: To be sent.
    send: Sequence[Alert] = ()
    #: What happened once, during a silence.
    muted: Sequence[Alert] = ()
    #: What lasts, where it is not as before.
    changed: Sequence[FiringAlert] = ()
    #: The keys of what is over for long.
    over: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is different."""
        return not (self.send or self.muted or self.changed or self.over)

    def without(self, sent: set[tuple[str, str]], policy: AlertPolicy) -> PolicyRound:
        """The same without what another policy sends to the same place; notes what this one does.

        Args:
            sent: by place and alert, what others send in the same look. It grows.
            policy: whose round it is.
        """
        place = json.dumps([policy.service, policy.send_to], sort_keys=True)
        own = [each for each in self.send if (place, each.key) not in sent]
        sent.update((place, each.key) for each in own)
        return replace(self, send=own)


def judge(
    policy_id: int,
    policy: AlertPolicy,
    alerts: Iterable[Alert],
    before: Mapping[str, FiringAlert],
    *,
    now: float,
    is_silent: bool,
) -> PolicyRound:
    """What is to be sent for a policy, and what is stored of it.

    Args:
        policy_id: its number.
        policy: which may have been changed since the last look.
        alerts: everything that fires or has happened in its deployment.
        before: what lasted at the last look, by key.
        now: in seconds since 1970.
        is_silent: whether nothing is to be sent.
    """
    send: list[Alert] = []
    changed: list[FiringAlert] = []
    once = []
    there: set[str] = set()
    for alert in alerts:
        if not policy.is_enabled or not wants(policy, alert, now) or alert.key in there:
            continue
        if not alert.event.lasts:
            once.append(alert)
            continue
        if not alert.is_due(now) and alert.key not in before:
            continue
        there.add(alert.key)
        known = before.get(alert.key) or _new(policy_id, alert, now)
        after = replace(known, ended_at=None)
        if not is_silent and _is_time(policy, known, now):
            send.append(alert)
            after = replace(after, notified_at=now)
        if after != before.get(alert.key):
            changed.append(after)
    missed = [each for key, each in before.items() if key not in there]
    changed += [replace(each, ended_at=now) for each in missed if each.ended_at is None]
    return PolicyRound(
        send=[*send, *([] if is_silent else once)],
        muted=once if is_silent else (),
        changed=changed,
        over=[
            each.key
            for each in missed
            if each.ended_at is not None and now - each.ended_at >= SAME_SECONDS
        ],
    )


def _new(policy_id: int, alert: Alert, now: float) -> FiringAlert:
    return FiringAlert(
        policy_id=policy_id,
        key=alert.key,
        event=str(alert.event),
        title=plain_line(alert.title)[:_MOST_TITLE],
        says=plain_lines(alert.says)[:_MOST_SAYS],
        at=alert.at,
        seen_at=now,
    )


def _is_time(policy: AlertPolicy, known: FiringAlert, now: float) -> bool:
    if known.notified_at is None:
        return True
    again = policy.options.again_after
    return again is not None and known.ended_at is None and now - known.notified_at >= again
