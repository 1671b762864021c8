"""The address that the web server listens on, and who reaches it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from dagstead.errors import ConfigurationError
from dagstead.server.settings import Settings


def check_address(settings: Settings) -> None:
    """Check that nobody else listens on the web server's address.

    Raises:
        ConfigurationError: with what to do.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            msg = f"Cannot listen on {settings.host}:{settings.port}: {_why(error)}"
            raise ConfigurationError(msg) from error


def warning_without_tls(settings: Settings) -> str | None:
    """What a log says of an address that others reach, if nothing says that TLS protects it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.base_url.startswith("https:") or is_loopback(host):
        return None
    return (
        f"Other machines may reach this server at {settings.host} port {settings.port}, and no TLS "
        "is known to protect what they send: tokens and sign-ins. Put TLS in front, and set "
        "public_url to the https address."
    )


def is_loopback(host: str) -> bool:
    """Whether the host of an address, with a port or without, is the caller's own machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there. Stop it, or choose another port with --port."
    if error.errno == errno.EACCES:
        return "this user may not use that port. Choose one above 1023 with --port."
    return f"{error.strerror}. Choose another address with --host."
