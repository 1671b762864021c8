"""The places to which the trail may be sent: a file, a syslog, a webhook."""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from dagstead.errors import ConfigurationError, DagsteadError
from dagstead.model.user_agent import USER_AGENT
from dagstead.server.settings import Settings
from dagstead.watch.trail_senders import Destination

#: Never a setting: those are shown by `dagstead config show`.
WEBHOOK_TOKEN_VARIABLE = "DAGSTEAD_TRAIL_WEBHOOK_TOKEN"  # noqa: S105 - the name of a variable

_SECONDS = 10.0
_PRIVATE = 0o600


class NotTakenError(DagsteadError):
    """The webhook did not take the rows."""


def destinations_of(settings: Settings, environment: Mapping[str, str]) -> list[Destination]:
    """Where the trail is sent.

    Args:
        settings: in force.
        environment: this process's own.

    Raises:
        ConfigurationError: for a place that cannot be used.
    """
    found: list[Destination] = []
    if settings.trail_file is not None:
        _require_outside(settings.trail_file, settings.data)
        file = FileSink(settings.trail_file)
        file.require_usable()
        found.append(file)
    if settings.trail_syslog is not None:
        syslog = SyslogSink(settings.trail_syslog)
        syslog.require_usable()
        found.append(syslog)
    token = environment.get(WEBHOOK_TOKEN_VARIABLE) or None
    if settings.trail_webhook is not None:
        found.append(WebhookSink(settings.trail_webhook, token))
    elif token:
        msg = f"{WEBHOOK_TOKEN_VARIABLE} is set, and trail_webhook is not. Set both, or neither."
        raise ConfigurationError(msg)
    return found


@dataclass(frozen=True, slots=True)
class FileSink:
    """A file that grows. It may be moved away at any time; then a new one is begun."""

    path: Path
    name: str = "file"

    def require_usable(self) -> None:
        """Refuse a file that cannot be written.

        Raises:
            ConfigurationError: with the reason.
        """
        try:
            with self._opened():
                pass
        except OSError as error:
            msg = f"trail_file {str(self.path)!r} cannot be written: {error.strerror or error}."
            raise ConfigurationError(msg) from error

    def send(self, lines: Sequence[str]) -> None:
        """Append the lines, and wait until the disk has them."""
        with self._opened() as descriptor:
            size = os.fstat(descriptor).st_size
            # The disk may have been full in the middle of a line.
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            left = ("\n" * torn + "".join(f"{line}\n" for line in lines)).encode()
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, _PRIVATE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = "it is no file"
                raise OSError(msg)
            yield descriptor
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class SyslogSink:
    """A syslog. It never says whether it has taken a line; over UDP, not even that it is there."""

    address: str
    name: str = "syslog"

    def require_usable(self) -> None:
        """Refuse a socket of this machine that is not there.

        Raises:
            ConfigurationError: with the reason.
        """
        parts = urlsplit(self.address)
        if parts.scheme == "unix" and not Path(parts.path).is_socket():
            msg = f"trail_syslog {self.address!r}: there is no socket {parts.path!r}."
            raise ConfigurationError(msg)

    def send(self, lines: Sequence[str]) -> None:
        """Send the lines, by a connection of their own: one that was kept may be dead unnoticed."""
        handler = self._handler()
        try:
            for line in lines:
                handler.emit(_record(line))
        finally:
            handler.close()

    def _handler(self) -> SysLogHandler:
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            handler = _RaisingHandler(parts.path, SysLogHandler.LOG_AUTH)
        else:
            kind = socket.SOCK_DGRAM if parts.scheme == "udp" else socket.SOCK_STREAM
            where = (str(parts.hostname), int(parts.port or 0))
            handler = _RaisingHandler(where, SysLogHandler.LOG_AUTH, kind)
        handler.ident = "dagstead: "
        if parts.scheme == "tcp":
            # On a stream, a message ends with its line (RFC 6587).
            handler.append_nul = False
            handler.setFormatter(logging.Formatter("%(message)s\n"))
        return handler


class _RaisingHandler(SysLogHandler):
    """Raises what keeps a line from being sent, where the library prints it."""

    def handleError(  # noqa: N802 - the library's
        self,
        record: logging.LogRecord,  # noqa: ARG002 - the library's
    ) -> NoReturn:
        """Raise it."""
        raise  # noqa: PLE0704 - it is called while an exception is handled


@dataclass(frozen=True, slots=True)
class WebhookSink:
    """A page that takes lines of JSON, and answers 2xx once it has them."""

    address: str
    token: str | None = field(default=None, repr=False)
    name: str = "webhook"

    def send(self, lines: Sequence[str]) -> None:
        """Post the lines.

        Raises:
            NotTakenError: when the answer is another one.
            httpx.HTTPError: when there is none.
        """
        headers = {"Content-Type": "application/x-ndjson", "User-Agent": USER_AGENT}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = "".join(f"{line}\n" for line in lines)
        answer = httpx.post(self.address, content=body, headers=headers, timeout=_SECONDS)
        if not answer.is_success:
            raise NotTakenError(f"It answered {answer.status_code}.")


def _record(line: str) -> logging.LogRecord:
    return logging.LogRecord("dagstead", logging.INFO, "", 0, line, None, None)


def _require_outside(file: Path, data: Path) -> None:
    if file.resolve().is_relative_to(data.resolve()):
        msg = (
            f"trail_file {str(file)!r} is in the data folder, which has the trail already. Choose "
            "a file elsewhere, best on another disk."
        )
        raise ConfigurationError(msg)
