"""Where alerts are sent, as documents say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from dagstead.errors import InvalidInputError
from dagstead.model.text import control_in
from dagstead.plane import alert_fields as fields
from dagstead.plane.alert_policies import AlertDocument, AlertService
from dagstead.plane.masking import MASK

_MOST_ADDRESSES = 50
_MOST_URL = 2000
_MOST_SECRET = 500
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
#: Set by whoever sends, or of one connection.
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"}
)
_MAIL = re.compile(r"[^@\s<>,;:\"\\]{1,64}@[^@\s<>,;:\"\\]{1,255}")

_OTHERS: Final[Mapping[str, str]] = {
    "email_owners": "owners of assets are not looked up; write email, with their addresses",
    "slack": (
        "there is no Slack app here; put the policy into the document of `dagstead alerts`, with "
        "slack_webhook: {url: …}, the address of an incoming webhook of the channel"
    ),
    "microsoft_teams": (
        "put the policy into the document of `dagstead alerts`, with apprise: {url: "
        "'workflows://…'}"
    ),
    "pagerduty": (
        "put the policy into the document of `dagstead alerts`, with apprise: {url: "
        "'pagerduty://KEY@KEY'}"
    ),
}

_FIELDS: Final[Mapping[AlertService, frozenset[str]]] = {
    AlertService.EMAIL: frozenset({"email_addresses"}),
    AlertService.WEBHOOK: frozenset({"webhook_url", "headers", "body_template", "secret"}),
    AlertService.SLACK_WEBHOOK: frozenset({"url"}),
    AlertService.APPRISE: frozenset({"url"}),
}
#: Official clients do not know it.
_OWN_FIELDS: Final = frozenset({"secret"})


def is_mail_address(text: str) -> bool:
    """Whether a text is the plain address of a mailbox."""
    return bool(_MAIL.fullmatch(text)) and text.isascii() and control_in(text) is None


def read_service(
    given: Mapping[str, Any], kind: AlertDocument, where: str
) -> tuple[AlertService, Mapping[str, Any]]:
    """The one service of a policy, with where it sends to.

    Raises:
        InvalidInputError: with what is wrong with it, and what to write instead.
    """
    if len(given) != 1:
        raise InvalidInputError(
            f"The notification_service of {where} has to be one service, and has "
            f"{', '.join(sorted(map(str, given))) or 'none'}. Write a policy for each."
        )
    name, values = next(iter(given.items()))
    if name in _OTHERS:
        raise InvalidInputError(f"{name} of {where} is not offered: {_OTHERS[name]}.")
    service = next((each for each in AlertService if each.value == name), None)
    if service is None or (service.is_own and kind is AlertDocument.OFFICIAL):
        own = "" if service is None else " It is one of the document of `dagstead alerts`."
        known = [each for each in AlertService if kind is AlertDocument.OWN or not each.is_own]
        raise InvalidInputError(
            f"{name!r} of {where} is not a service of this document.{own} Services are: "
            f"{', '.join(known)}."
        )
    place = f"{name} of {where}"
    if not isinstance(values, Mapping):
        raise InvalidInputError(f"{place.capitalize()} has to be a mapping.")
    known_fields = _FIELDS[service] - (_OWN_FIELDS if kind is AlertDocument.OFFICIAL else set())
    fields.require_known(values, known_fields, place)
    _CHECKS[service](values, place)
    return service, dict(values)


def _check_email(given: Mapping[str, Any], where: str) -> None:
    addresses = fields.texts(given, "email_addresses", where)
    if not addresses or len(addresses) > _MOST_ADDRESSES:
        raise InvalidInputError(
            f"The email_addresses of {where} have to be 1 to {_MOST_ADDRESSES} addresses."
        )
    for address in addresses:
        if not is_mail_address(address):
            raise InvalidInputError(f"{address!r} of {where} is not an e-mail address.")


def _check_webhook(given: Mapping[str, Any], where: str) -> None:
    _require_address(given, "webhook_url", where)
    if given.get("body_template"):
        raise InvalidInputError(
            f"body_template of {where} is not offered: what is sent is JSON of a fixed form; see "
            "docs/operate/alerts.md. Leave it empty."
        )
    headers = {} if given.get("headers") is None else given["headers"]
    if not isinstance(headers, Mapping):
        raise InvalidInputError(f"The headers of {where} have to be a mapping.")
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise InvalidInputError(f"{name!r} of {where} is not the name of a header.")
        if name.lower() in _OWN_HEADERS or name.lower().startswith("dagstead-"):
            raise InvalidInputError(f"The header {name} of {where} cannot be set.")
        if not isinstance(value, str) or not value.isascii() or control_in(value):
            raise InvalidInputError(f"The header {name} of {where} has to be plain text.")
        _refuse_mask(value, where)
    secret = given.get("secret")
    if secret is not None:
        fields.text(given, "secret", where, most=_MOST_SECRET)
        _refuse_mask(secret, where)


def _check_slack(given: Mapping[str, Any], where: str) -> None:
    _require_address(given, "url", where)


def _check_apprise(given: Mapping[str, Any], where: str) -> None:
    address = fields.text(given, "url", where, most=_MOST_URL)
    _refuse_mask(address, where)
    if "://" not in address or control_in(address):
        raise InvalidInputError(f"The url of {where} has to be one of apprise's, such as ntfy://….")


def _require_address(given: Mapping[str, Any], name: str, where: str) -> None:
    address = fields.text(given, name, where, most=_MOST_URL)
    _refuse_mask(address, where)
    parts = _parts(address)
    if parts is None or control_in(address) or not address.isascii() or " " in address:
        raise InvalidInputError(
            f"The {name} of {where} has to be an address such as https://example.com/hook."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(
            f"The {name} of {where} must not have a password in it: write a header."
        )


def _parts(address: str) -> SplitResult | None:
    """An address of a page; ``None`` if it is none."""
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_one else None


def _refuse_mask(value: str, where: str) -> None:
    if MASK in value:
        raise InvalidInputError(
            f"A value of {where} is {MASK}, which stands for a secret in what was exported. Write "
            "the value itself, or export with a token that may change alert policies."
        )


_CHECKS: Final = {
    AlertService.EMAIL: _check_email,
    AlertService.WEBHOOK: _check_webhook,
    AlertService.SLACK_WEBHOOK: _check_slack,
    AlertService.APPRISE: _check_apprise,
}
