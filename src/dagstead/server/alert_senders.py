"""The ways in which alerts are sent, as far as they are set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dagstead.errors import ConfigurationError, DagsteadError
from dagstead.plane.alert_deliveries import AlertDelivery
from dagstead.plane.alert_policies import AlertPolicy, AlertService
from dagstead.plane.alert_texts import AlertMessage
from dagstead.plane.clock import Clock
from dagstead.server.alert_apprise import send_by_apprise
from dagstead.server.alert_mail import PASSWORD_VARIABLE, MailSender
from dagstead.server.alert_webhooks import WebhookSender
from dagstead.server.networks import Networks
from dagstead.server.settings import Settings


class NotSetError(DagsteadError):
    """The operator has not set what it takes."""


@dataclass(frozen=True, slots=True)
class AlertSenders:
    """Sends a message by the service of its policy."""

    base_url: str
    by_service: Mapping[AlertService, Callable[[AlertMessage], None]]

    def send(self, delivery: AlertDelivery, policy: AlertPolicy) -> None:
        """See :class:`dagstead.watch.alert_deliverer.AlertSender`."""
        self.by_service[policy.service](AlertMessage(delivery, policy, self.base_url))


def alert_senders_of(
    settings: Settings, environment: Mapping[str, str], clock: Clock = time.time
) -> AlertSenders:
    """How alerts are sent.

    Args:
        settings: in force.
        environment: this process's own.
        clock: what time it is.

    Raises:
        ConfigurationError: for settings that do not go together.
    """
    webhooks = WebhookSender(Networks.of(settings.alerts_networks), clock)
    return AlertSenders(
        settings.base_url,
        {
            AlertService.EMAIL: _mail(settings, environment),
            AlertService.WEBHOOK: webhooks.send,
            AlertService.SLACK_WEBHOOK: webhooks.send_slack,
            AlertService.APPRISE: send_by_apprise if settings.alerts_apprise else _no_apprise,
        },
    )


def _mail(settings: Settings, environment: Mapping[str, str]) -> Callable[[AlertMessage], None]:
    password = environment.get(PASSWORD_VARIABLE) or None
    if settings.alerts_smtp is None:
        if password:
            raise ConfigurationError(
                f"{PASSWORD_VARIABLE} is set, and alerts_smtp is not. Set both, or neither."
            )
        return _no_mail
    if settings.alerts_from is None:
        raise ConfigurationError(
            "alerts_smtp is set, and alerts_from is not. Set the address that mails are from."
        )
    return MailSender(settings.alerts_smtp, settings.alerts_from, password).send


def _no_mail(_message: AlertMessage) -> None:
    raise NotSetError(
        "No mail server is set. Set alerts_smtp and alerts_from, and start the daemon again."
    )


def _no_apprise(_message: AlertMessage) -> None:
    raise NotSetError(
        "Apprise is not switched on. Set alerts_apprise to true, and start the daemon again."
    )
