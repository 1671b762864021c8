"""Sends messages about alerts: each at least once, and none holds up those to other places.

A message is in the database before it is sent, and stays there until its place has taken it. Who
leads next sends again what was not noted as sent, with the same id.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from dagstead.control import bell
from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import DagsteadError, StoreAwayError
from dagstead.model.text import plain_line
from dagstead.plane.alert_deliveries import AlertDelivery
from dagstead.plane.alert_policies import AlertPolicy, StoredPolicy, UnreadablePolicy
from dagstead.plane.leases import LeadershipLostError

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
#: At one time. One to each place, so that places that hang take few of them.
_WORKERS = 16
_BATCH = 200
_MOST_FAULT = 300
#: How long the end of a leader waits for messages under way.
_STOP_SECONDS = 3.0


class AlertSender(Protocol):
    """Sends a message to the place that its policy names."""

    def send(self, delivery: AlertDelivery, policy: AlertPolicy) -> None:
        """Have the place take it; returns when it has. It takes some seconds at most.

        Raises:
            DagsteadError: when it does not, with a reason that has no secrets.
        """


@dataclass(slots=True)
class AlertDeliverer:
    """Runs in the daemon process, for as long as it leads."""

    control: Control
    sender: AlertSender
    _stopped: threading.Event = field(default_factory=threading.Event)
    #: By policy, the places to which something is under way.
    _under_way: dict[int, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way has a moment to arrive."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="alert")
        try:
            with self.control.bell.listen(bell.alerts()) as listener:
                while not self._stopped.is_set():
                    try:
                        self._begin_due(pool)
                    except LeadershipLostError:
                        return
                    except StoreAwayError as error:
                        logger.warning("Alerts are not sent: %s", error.reason)
                    except Exception:
                        logger.exception("Could not look which alerts to send; trying again")
                    listener.wait(_LOOK_SECONDS)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin_due(self, pool: ThreadPoolExecutor) -> None:
        with self._lock:
            busy = frozenset(self._under_way)
        for delivery, stored in self.control.alert_watch.due(SYSTEM, busy, _BATCH):
            place = _place(stored)
            with self._lock:
                if place in self._under_way.values() or stored.id in self._under_way:
                    continue
                self._under_way[stored.id] = place
            pool.submit(self._send_one, delivery, stored)

    def _send_one(self, delivery: AlertDelivery, stored: StoredPolicy | UnreadablePolicy) -> None:
        try:
            self._send(delivery, stored)
        except LeadershipLostError:
            self._stopped.set()
        except StoreAwayError as error:
            # It may have arrived: it is sent again with the same id.
            logger.warning("It could not be noted that an alert was sent: %s", error.reason)
        except Exception:
            logger.exception("Could not send alerts of policy %s", stored.id)
        finally:
            with self._lock:
                self._under_way.pop(stored.id, None)

    def _send(self, delivery: AlertDelivery, stored: StoredPolicy | UnreadablePolicy) -> None:
        if isinstance(stored, UnreadablePolicy):
            fault: str | None = plain_line(stored.says)[:_MOST_FAULT]
        else:
            fault = self._fault(delivery, stored.policy)
        if fault is None:
            self.control.alert_watch.note_sent(SYSTEM, delivery)
            return
        is_tried = self.control.alert_watch.note_failed(SYSTEM, delivery, fault)
        logger.warning(
            "Alerts of policy %r of %s do not arrive%s: %s",
            plain_line(delivery.policy),
            delivery.deployment,
            "" if is_tried else ", and are given up",
            fault,
        )

    def _fault(self, delivery: AlertDelivery, policy: AlertPolicy) -> str | None:
        try:
            self.sender.send(delivery, policy)
        except DagsteadError as error:
            return plain_line(error.message)[:_MOST_FAULT]
        except Exception as error:  # noqa: BLE001 - what a library raises may have an address in it
            return f"It failed unexpectedly ({type(error).__name__})."
        return None


def _place(stored: StoredPolicy | UnreadablePolicy) -> str:
    if isinstance(stored, UnreadablePolicy):
        return f"policy {stored.id}"
    return f"{stored.policy.service}:{stored.policy.destination}"
