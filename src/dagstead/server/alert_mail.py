"""Sends alerts by e-mail."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from dagstead.errors import DagsteadError
from dagstead.plane.alert_texts import AlertMessage

#: Never a setting: those are shown by `dagstead config show`.
PASSWORD_VARIABLE: Final = "DAGSTEAD_ALERTS_SMTP_PASSWORD"  # noqa: S105 - the name of a variable

_SECONDS = 15.0
_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefusedError(DagsteadError):
    """The mail server did not take a message."""


@dataclass(frozen=True, slots=True)
class MailSender:
    """Hands messages to one mail server."""

    #: smtp://HOST, smtp+starttls://USER@HOST or smtps://USER@HOST.
    server: str
    #: Whom messages are from.
    sender: str
    password: str | None = field(default=None, repr=False)
    seconds: float = _SECONDS

    def send(self, message: AlertMessage) -> None:
        """Have the server take a message for all addresses of the policy.

        Raises:
            MailRefusedError: when it does not take it for one of them.
        """
        addresses = message.policy.send_to["email_addresses"]
        mail = self._mail(message, addresses)
        try:
            with self._connected() as connection:
                refused = connection.send_message(mail, to_addrs=addresses)
        except smtplib.SMTPResponseException as error:
            text = error.smtp_error
            said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
            raise MailRefusedError(f"The mail server said {error.smtp_code}: {said}") from error
        except smtplib.SMTPRecipientsRefused as error:
            names = ", ".join(sorted(error.recipients))
            raise MailRefusedError(f"The mail server does not take mail for {names}.") from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            where = urlsplit(self.server).hostname
            raise MailRefusedError(f"The mail server {where} cannot be used: {error}") from error
        if refused:
            # The others have it, and get it again with the same Message-ID.
            names = ", ".join(sorted(refused))
            raise MailRefusedError(f"The mail server does not take mail for {names}.")

    def _mail(self, message: AlertMessage, addresses: list[str]) -> EmailMessage:
        mail = EmailMessage()
        mail["Message-ID"] = f"<{message.delivery.id}@{self.sender.rpartition('@')[2]}>"
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.delivery.created_at, UTC))
        mail["From"] = Address(display_name="Dagstead", addr_spec=self.sender)
        mail["To"] = ", ".join(addresses)
        mail["Subject"] = message.subject
        # No answer by machines, such as those of people who are away (RFC 3834).
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    def _connected(self) -> smtplib.SMTP:
        parts = urlsplit(self.server)
        host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
        context = ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(host, port, timeout=self.seconds, context=context)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=self.seconds)
        )
        try:
            if parts.scheme == "smtp+starttls":
                connection.starttls(context=context)
            if parts.username and self.password:
                connection.login(unquote(parts.username), self.password)
        except BaseException:
            connection.close()
            raise
        return connection
