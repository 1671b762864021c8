"""What messages about alerts say, in every form in which they are sent.

Names in them are of whoever has deployed something: each form writes them so that they are read,
and never taken for markup, a header or a command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from dagstead.model.text import plain_line, plain_lines
from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryItem
from dagstead.plane.alert_policies import AlertPolicy

_MOST_SUBJECT = 200
#: Slack cuts longer texts off.
_MOST_SLACK = 3500
#: A message of apprise is read on a phone.
_MOST_LINES = 10
_MOST_DESCRIPTION = 1000


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A delivery, with all that its texts need."""

    delivery: AlertDelivery
    policy: AlertPolicy
    #: Of this control plane, as people reach it.
    base_url: str

    @property
    def subject(self) -> str:
        """One line, which says the most important."""
        first = self.delivery.items[0].title if self.delivery.items else "Alert"
        more = self.delivery.total - 1
        others = f" and {more} more" if more > 0 else ""
        place = plain_line(self.delivery.deployment)
        cut = _MOST_SUBJECT - len(place) - len(others) - 3
        return f"[{place}] {plain_line(first)[:cut]}{others}"

    @property
    def text(self) -> str:
        """Plain text for a mail."""
        parts = [self._item(each) for each in self.delivery.items]
        if self._left_out:
            parts.append(f"And {self._left_out} more.")
        parts.append("\n".join(self._foot()))
        return "\n\n".join(parts) + "\n"

    @property
    def short_text(self) -> str:
        """Plain text of a few lines."""
        shown = self.delivery.items[:_MOST_LINES]
        lines = [f"{each.title}: {plain_line(each.says)}" for each in shown]
        left = self.delivery.total - len(shown)
        if left > 0:
            lines.append(f"And {left} more.")
        return "\n".join([*lines, self._address()])

    @property
    def slack(self) -> dict[str, Any]:
        """As incoming webhooks of Slack take it, and of whoever takes the same."""
        lines = [f"*{_slack(self.subject)}*"]
        length = len(lines[0])
        for number, each in enumerate(self.delivery.items):
            line = f"• *{_slack(each.title)}*: {_slack(plain_line(each.says))}"
            if length + len(line) > _MOST_SLACK:
                lines.append(f"And {self.delivery.total - number} more.")
                break
            lines.append(line)
            length += len(line)
        else:
            if self._left_out:
                lines.append(f"And {self._left_out} more.")
        lines.append(f"<{_slack(self._address())}|Open>")
        # No link of a name is followed, and none is made of one.
        return {"text": "\n".join(lines), "unfurl_links": False, "parse": "none"}

    @property
    def body(self) -> bytes:
        """JSON for a webhook, the same in every try."""
        delivery = self.delivery
        return json.dumps(
            {
                "version": 1,
                "delivery": delivery.id,
                "deployment": delivery.deployment,
                "policy": delivery.policy,
                "test": delivery.is_test,
                "created_at": delivery.created_at,
                "subject": self.subject,
                "address": self._address(),
                "total": delivery.total,
                "alerts": [self._entry(each) for each in delivery.items],
            }
        ).encode()

    @property
    def _left_out(self) -> int:
        return self.delivery.total - len(self.delivery.items)

    def _entry(self, item: DeliveryItem) -> dict[str, Any]:
        return {**item.to_json(), "address": self._run_address(item)}

    def _item(self, item: DeliveryItem) -> str:
        lines = [plain_line(item.title), plain_lines(item.says)]
        if item.at is not None:
            lines.append(f"Since {datetime.fromtimestamp(item.at, UTC):%Y-%m-%d %H:%M:%S} UTC")
        if item.assets:
            lines.append(f"Assets: {', '.join(item.assets)}")
        if (address := self._run_address(item)) is not None:
            lines.append(address)
        return "\n".join(lines)

    def _foot(self) -> Iterator[str]:
        description = plain_lines(self.policy.description)[:_MOST_DESCRIPTION]
        if self.policy.options.includes_description and description:
            yield description
        yield (
            f"Sent by alert policy {plain_line(self.policy.name)!r} of deployment "
            f"{plain_line(self.delivery.deployment)}."
        )
        yield f"What fires now: {self._address()}"

    def _address(self) -> str:
        return f"{self.base_url}/-/alerts?deployment={quote(self.delivery.deployment, safe='')}"

    def _run_address(self, item: DeliveryItem) -> str | None:
        if item.run_id is None:
            return None
        place = quote(self.delivery.deployment, safe="")
        return f"{self.base_url}/{place}/runs/{quote(item.run_id, safe='')}"


def _slack(text: str) -> str:
    """A text in which Slack sees no link, no mention and no markup.

    Only three characters can be escaped; a zero-width space keeps the others from being markup.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"{each}\u200b" if each in "*_~`" else each for each in escaped)
