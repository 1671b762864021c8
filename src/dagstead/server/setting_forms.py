"""The forms that values of settings have."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import urlsplit

from dagstead.errors import ConfigurationError
from dagstead.model.registry_hosts import registry_host
from dagstead.plane.alert_services import is_mail_address
from dagstead.plane.registry import is_repository
from dagstead.server.networks import Networks
from dagstead.serverless.sandbox.user_numbers import parsed_range

_MAIL_FORM = (
    "must be smtp://HOST, smtp+starttls://USER@HOST or smtps://USER@HOST, with :PORT if it is not "
    "the usual one"
)
_SYSLOG_FORM = "must be udp://HOST:514, tcp://HOST:601 or unix:///dev/log"


def web_address(value: str | None) -> str | None:
    """The address of a server, without a path."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "must be an address such as https://dagstead.example.com"
        raise ValueError(msg)
    if parts.query or parts.fragment or parts.path.strip("/"):
        msg = (
            "must be only scheme, host and port, such as https://dagstead.example.com. It cannot "
            "have a path: browsers draw no line between the paths of a host, so that every other "
            "application there could act for whoever is signed in. Give it a name or a port"
        )
        raise ValueError(msg)
    return value.rstrip("/")


def registry_address(value: str | None) -> str | None:
    """The address of a registry of images, and a folder of it."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "must be an address such as https://registry.example.com/dagstead"
        raise ValueError(msg)
    if parts.username or parts.password:
        msg = (
            "must not have a password in it: set registry_username, and DAGSTEAD_REGISTRY_PASSWORD"
        )
        raise ValueError(msg)
    folder = parts.path.strip("/")
    if parts.query or parts.fragment or (folder and not is_repository(folder)):
        msg = "must be an address and a folder in lower case, such as https://host.example.com/team"
        raise ValueError(msg)
    return value.rstrip("/")


def registry_host_form(value: str | None) -> str | None:
    """The host of a registry, as names of images begin."""
    try:
        is_host = value is None or registry_host(f"https://{value}/") == value
    except ValueError:
        is_host = False
    if not is_host:
        msg = "must be a host as in names of images, such as dagstead.example.com or 127.0.0.1:3000"
        raise ValueError(msg)
    return value


def webhook(value: str | None) -> str | None:
    """The address of a page that takes what is sent to it."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "must be an address such as https://logs.example.com/dagstead"
        raise ValueError(msg)
    if parts.username or parts.password:
        msg = "must not have a password in it: set DAGSTEAD_TRAIL_WEBHOOK_TOKEN"
        raise ValueError(msg)
    return value


def syslog(value: str | None) -> str | None:
    """The address of a log of the system."""
    if value is None:
        return None
    parts = urlsplit(value)
    is_local = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
    is_remote = parts.scheme in {"udp", "tcp"} and parts.hostname and not parts.path.strip("/")
    if not (is_local or (is_remote and parts.port)):
        raise ValueError(_SYSLOG_FORM)
    return value


def command(value: str | None) -> str | None:
    """A program with its arguments, as one writes it for a shell."""
    if value is not None:
        try:
            words = shlex.split(value)
        except ValueError as error:
            msg = f"must be a program with its arguments, as for a shell: {error}"
            raise ValueError(msg) from error
        if not words or not words[0]:
            msg = "must begin with a program"
            raise ValueError(msg)
    return value


def networks(value: str) -> str:
    """Addresses and networks, separated by commas."""
    try:
        Networks.of(value)
    except ValueError as error:
        msg = f"must be networks such as 10.0.0.0/8, separated by commas: {error}"
        raise ValueError(msg) from error
    return value


def mail_server(value: str | None) -> str | None:
    """The address of a mail server."""
    if value is None:
        return None
    parts = urlsplit(value)
    is_one = parts.scheme in {"smtp", "smtp+starttls", "smtps"} and parts.hostname
    if not is_one or parts.path.strip("/") or parts.query or parts.fragment or parts.port == 0:
        raise ValueError(_MAIL_FORM)
    if parts.password is not None:
        msg = "must not have a password in it: set DAGSTEAD_ALERTS_SMTP_PASSWORD"
        raise ValueError(msg)
    return value


def mail_address(value: str | None) -> str | None:
    """Where a mail is from."""
    if value is not None and not is_mail_address(value):
        msg = "must be an address such as dagstead@example.com"
        raise ValueError(msg)
    return value


def range_of_users(value: str | None) -> str | None:
    """Numbers of users, FIRST-LAST."""
    if value is not None:
        try:
            parsed_range(value)
        except ConfigurationError as error:
            raise ValueError(error.message) from error
    return value


def folders(value: str) -> str:
    """Absolute paths, separated by colons."""
    for folder in filter(None, value.split(":")):
        if not folder.startswith("/"):
            msg = f"must be absolute paths, separated by colons, and {folder!r} is not one"
            raise ValueError(msg)
    return value


def absolute(value: Path) -> Path:
    """A path that does not depend on the current folder."""
    return value.expanduser().absolute()


def absolute_if_any(value: Path | None) -> Path | None:
    """The same, for a setting that may be left out."""
    return None if value is None else absolute(value)
