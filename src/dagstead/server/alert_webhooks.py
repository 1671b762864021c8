"""Sends alerts to webhooks: JSON of ours, signed, and texts for Slack and what takes the same."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpcore

from dagstead.model.user_agent import USER_AGENT
from dagstead.plane.alert_texts import AlertMessage
from dagstead.plane.clock import Clock
from dagstead.server.alert_connections import CheckedBackend, PlaceRefusedError
from dagstead.server.networks import Networks

DELIVERY_HEADER: Final = "Dagstead-Delivery"
TIMESTAMP_HEADER: Final = "Dagstead-Timestamp"
SIGNATURE_HEADER: Final = "Dagstead-Signature"

#: From the look at its name to the answer.
_SECONDS = 10.0
_OK, _REDIRECT, _ERROR = 200, 300, 400


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in the header of a signed message: who has the secret computes the same."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Posts to the address of a policy."""

    networks: Networks
    clock: Clock
    seconds: float = _SECONDS

    def send(self, message: AlertMessage) -> None:
        """Post a message as JSON of ours.

        Raises:
            PlaceRefusedError: when it does not arrive.
        """
        to, body = message.policy.send_to, message.body
        headers = {**(to.get("headers") or {}), **self._own_headers(message, body)}
        self._post(to["webhook_url"], headers, body)

    def send_slack(self, message: AlertMessage) -> None:
        """Post a message as an incoming webhook of Slack takes it.

        Raises:
            PlaceRefusedError: when it does not arrive.
        """
        self._post(message.policy.send_to["url"], {}, json.dumps(message.slack).encode())

    def _own_headers(self, message: AlertMessage, body: bytes) -> Mapping[str, str]:
        # Of this try: a receiver refuses what is old, and knows a repetition by its id.
        timestamp = str(int(self.clock()))
        headers = {DELIVERY_HEADER: message.delivery.id, TIMESTAMP_HEADER: timestamp}
        secret = message.policy.send_to.get("secret")
        if secret is not None:
            headers[SIGNATURE_HEADER] = signature(secret, timestamp, body)
        return headers

    def _post(self, address: str, headers: Mapping[str, str], body: bytes) -> None:
        own = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        backend = CheckedBackend(self.networks, time.monotonic() + self.seconds)
        try:
            with (
                httpcore.ConnectionPool(network_backend=backend, retries=0) as pool,
                pool.stream(
                    "POST",
                    address,
                    headers=list({**headers, **own}.items()),
                    content=body,
                    extensions={"timeout": dict.fromkeys(_TIMEOUTS, self.seconds)},
                ) as answer,
            ):
                # Its body is not read: it may be without an end.
                _require_taken(answer)
        except httpcore.TimeoutException as error:
            msg = f"It did not answer within {self.seconds:g} seconds."
            raise PlaceRefusedError(msg) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            # The text of an error may have the address, and with it a secret.
            msg = f"The connection broke: {type(error).__name__}."
            raise PlaceRefusedError(msg) from error


_TIMEOUTS = ("connect", "read", "write", "pool")


def _require_taken(answer: httpcore.Response) -> None:
    if _OK <= answer.status < _REDIRECT:
        return
    if answer.status < _ERROR:
        target = next((v for name, v in answer.headers if name.lower() == b"location"), b"")
        host = urlsplit(target.decode("latin-1")).hostname or "another path"
        msg = (
            f"It answered {answer.status}, and sends elsewhere: to {host}. Redirects are not "
            "followed: write that address into the policy."
        )
        raise PlaceRefusedError(msg)
    msg = f"It answered {answer.status}."
    raise PlaceRefusedError(msg)
