"""Sends alerts by what apprise offers: more than a hundred services, each with its own address.

Apprise connects by itself: whoever may write alert policies can then reach every address that this
machine reaches. So it is off unless the operator switches it on.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from functools import partial
from types import ModuleType
from typing import Final

from dagstead.errors import DagsteadError
from dagstead.plane.alert_texts import AlertMessage

logger = logging.getLogger(__name__)

#: Some of its services have no limit of their own.
_SECONDS: Final = 30.0
#: These run programs of this machine, or show something on its screen.
_LOCAL: Final = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})


class AppriseRefusedError(DagsteadError):
    """Apprise could not send a message."""


def send_by_apprise(message: AlertMessage) -> None:
    """Have apprise send a message.

    Raises:
        AppriseRefusedError: when it does not.
    """
    apprise = _apprise()
    address = str(message.policy.send_to["url"])
    scheme = address.partition(":")[0].lower()
    if scheme in _LOCAL:
        raise AppriseRefusedError(f"{scheme}:// is of this machine, and not of people.")
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise AppriseRefusedError(
            f"Apprise does not know the address {scheme}://…, or something in it is missing. See "
            "https://github.com/caronc/apprise/wiki."
        )
    notify = partial(
        service.notify,
        title=message.subject,
        body=message.short_text,
        body_format=apprise.NotifyFormat.TEXT,
    )
    if not _within(notify):
        raise AppriseRefusedError(f"The service {scheme}:// did not take it.")


def _within(notify: partial[bool]) -> bool:
    result: Future[bool] = Future()

    def run() -> None:
        try:
            result.set_result(bool(notify()))
        except Exception as error:  # noqa: BLE001 - whatever a service of a library does
            logger.debug("Apprise raised %s", type(error).__name__)
            result.set_result(False)

    # Not a pool: one that hangs must not keep the process from ending.
    threading.Thread(target=run, name="apprise", daemon=True).start()
    try:
        return result.result(timeout=_SECONDS)
    except TimeoutError:
        raise AppriseRefusedError(f"It did not answer within {_SECONDS:g} seconds.") from None


def _apprise() -> ModuleType:
    try:
        import apprise  # noqa: PLC0415 - slow, and it may not be there
    except ImportError as error:
        raise AppriseRefusedError(
            "Apprise is not installed. Install it with `pip install 'dagstead[alerts]'`."
        ) from error
    # It logs the addresses of services.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    module: ModuleType = apprise
    return module
