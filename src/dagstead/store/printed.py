"""Secrets that a program of the operator prints, such as the client of a vault: without a shell."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence

from dagstead.errors import DagsteadError

logger = logging.getLogger(__name__)

_SECONDS = 30.0


class UnprintedError(DagsteadError):
    """The program printed nothing that can be used; says how it ended, as the end of a sentence."""


def printed(arguments: Sequence[str], name: str) -> str:
    """What a program prints.

    Args:
        arguments: the program and what it is given.
        name: of the setting that names it, for the log.

    Raises:
        UnprintedError: it cannot be started, fails, or takes too long. What it printed is in no
            error, as that may be the secret.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        return done.stdout.decode()
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace")[-1000:]
        logger.warning("The command of %s ended with %s: %s", name, error.returncode, said)
        msg = f"ended with {error.returncode}"
    except subprocess.TimeoutExpired:
        msg = f"took over {_SECONDS:.0f} s"
    except OSError as error:
        msg = f"cannot be started: {error.strerror}"
    except UnicodeDecodeError:
        msg = "printed something else than text"
    raise UnprintedError(msg)
