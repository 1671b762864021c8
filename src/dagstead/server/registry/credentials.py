"""What this installation proves itself with at its registry."""

from __future__ import annotations

import logging
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dagstead.errors import ConfigurationError, RegistryAwayError
from dagstead.server.settings import Settings

logger = logging.getLogger(__name__)

#: Never a setting: those are shown by `dagstead config show`, and flags in the list of processes.
PASSWORD_VARIABLE = "DAGSTEAD_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable

_COMMAND_SECONDS = 30.0
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
            done = subprocess.run(  # noqa: S603 - the operator's own command
                self.arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COMMAND_SECONDS,
                check=True,
            )
            password = done.stdout.decode().strip()
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace")[-1000:]
            logger.warning("registry_command ended with %s: %s", error.returncode, said)
            # Not with the original error, which has what it printed: a password, perhaps.
            raise _no_password(f"ended with {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise _no_password(f"took over {_COMMAND_SECONDS:.0f} s") from None
        except OSError as error:
            raise _no_password(f"cannot be started: {error.strerror}") from None
        except UnicodeDecodeError:
            raise _no_password("printed something else than text") from None
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
    return PrintedPassword(name, _words(command or ""))


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        msg = f"registry_command cannot be read: {error}. Write it as for a shell."
        raise ConfigurationError(msg) from error
    if not words:
        msg = "registry_command names no program."
        raise ConfigurationError(msg)
    return words


def _no_password(what: str) -> RegistryAwayError:
    return RegistryAwayError(
        f"This installation cannot log in at its registry: the program of registry_command {what}. "
        "Whoever runs the control plane finds what it said in the log of the web server."
    )
