"""Passwords in arguments: every user of a machine can read them in its list of processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

_FLAG = "--database"
_VARIABLE = "DAGSTEAD_DATABASE"


def hide_password() -> None:
    """Start the command anew with the database in its environment, if the address has a password.

    Others cannot read the environment. It keeps its process id, so that whoever started it finds it
    again.
    """
    arguments, address = without_password(sys.argv[1:])
    started = sys.orig_argv
    if address is None or not sys.executable or started[-len(sys.argv[1:]) :] != sys.argv[1:]:
        return
    sys.stderr.write(
        f"note: {_FLAG} has a password, which other users of this machine can read in the list of "
        f"processes. It is taken as {_VARIABLE} from now on: set that variable instead.\n"
    )
    sys.stderr.flush()
    words = [*started[: -len(sys.argv[1:])], *arguments]
    os.execve(sys.executable, words, {**os.environ, _VARIABLE: address})  # noqa: S606 - itself


def without_password(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Arguments without an address that has a password, and that address, if there is one."""
    left: list[str] = []
    address = None
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            left.append(word)
            break
        if name != _FLAG:
            left.append(word)
            continue
        given = value if equals else next(words, "")
        if _has_password(given):
            address = given
        else:
            left += [word] if equals else [word, given]
    return [*left, *words], address


def _has_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.password or parse_qs(parts.query).get("password"))
    except ValueError:
        return False
