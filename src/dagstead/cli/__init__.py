"""The command ``dagstead``: a thin module per noun, which imports late so that it starts fast.

Commands read options, call the server or the rooms below, and print. No rule of the domain lives
here. Options come in groups (``options``); results are printed through ``output``.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

#: How many objects are made before Python looks for garbage, and how often at older ones.
_GARBAGE = (50_000, 20, 20)


def main() -> None:
    """Run the command; a user's mistake is reported in one sentence, never as a traceback."""
    from dagstead.cli.hidden_passwords import hide_password

    hide_password()
    # Commands keep what they read: looking through it for garbage would take a tenth of the time.
    gc.set_threshold(*_GARBAGE)
    from dagstead.cli.app import program
    from dagstead.cli.failures import exit_code, report
    from dagstead.errors import DagsteadError

    stdout = sys.stdout
    try:
        try:
            program()
        finally:
            # What is still buffered would meet the closed pipe when Python exits.
            stdout.flush()
    except DagsteadError as error:
        report(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        _end_quietly()
    except SystemExit:
        if sys.stdout is not stdout:
            # The command line's library met the closed pipe first, and replaced the stream.
            _end_quietly()
        raise


def _end_quietly() -> NoReturn:
    """Exit with 0: a reader that closes the pipe early, as `head` does, is not a failure."""
    # Python would complain about what it could not write.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(0)


__all__ = ["main"]
