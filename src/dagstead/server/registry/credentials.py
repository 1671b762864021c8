"""What this installation proves itself with at its registry."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dagstead.errors import ConfigurationError, RegistryAwayError
from dagstead.server.settings import Settings
from dagstead.store.printed import UnprintedError, printed

#: Never a setting: those are shown by `dagstead config show`, and flags in the list of processes.
PASSWORD_VARIABLE = "DAGSTEAD_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable

#: Passwords that a command prints are good for longer, but nobody says for how long.
_KEPT_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A name and its password."""

    name: str
    password: str = field(repr=False)


@dataclass(slots=True)
class PrintedPassword:
    """A password that a program prints, kept for a while. Safe to use from several threads."""

    name: str
    arguments: tuple[str, ...]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _printed: tuple[float, Credentials] | None = field(default=None, repr=False)

    def __call__(self) -> Credentials:
        """The password.

        Raises:
            RegistryAwayError: the program cannot be started, fails, prints nothing, or takes long.
        """
        with self._lock:
            if self._printed is None or self.clock() - self._printed[0] > _KEPT_SECONDS:
                self._printed = (self.clock(), Credentials(name=self.name, password=self._print()))
            return self._printed[1]

    def forget(self) -> None:
        """Ask the program again next time: the registry did not take the password."""
        with self._lock:
            self._printed = None

    def _print(self) -> str:
        try:
            password = printed(self.arguments, "registry_command").strip()
        except UnprintedError as error:
            raise _no_password(error.message) from None
        if not password:
            raise _no_password("printed nothing")
        return password


def credentials_of(
    settings: Settings, environment: Mapping[str, str]
) -> Credentials | PrintedPassword | None:
    """What to use; ``None`` for a registry that asks for nothing.

    Raises:
        ConfigurationError: a part of it is missing, or the password could come from two places.
    """
    password = environment.get(PASSWORD_VARIABLE)
    name, command = settings.registry_username, settings.registry_command
    if password and command:
        msg = f"The registry's password is given by {PASSWORD_VARIABLE} and by registry_command. "
        raise ConfigurationError(msg + "Keep one of them.")
    if not (password or command):
        if name:
            msg = (
                f"registry_username is {name!r}, and there is no password: set "
                f"{PASSWORD_VARIABLE}, or registry_command."
            )
            raise ConfigurationError(msg)
        return None
    if not name:
        msg = (
            "The registry's password is given, and registry_username is not. For ECR it is AWS; "
            "other registries name it where they make the password."
        )
        raise ConfigurationError(msg)
    if password:
        return Credentials(name=name, password=password)
    return PrintedPassword(name, tuple(shlex.split(command or "")))


def _no_password(what: str) -> RegistryAwayError:
    return RegistryAwayError(
        f"This installation cannot log in at its registry: the program of registry_command {what}. "
        "Whoever runs the control plane finds what it said in the log of the web server."
    )
