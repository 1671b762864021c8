"""The command ``dagstead``: one module a noun, each thin, importing late so that it starts fast.

Commands read settings, call the server or the store, and print. No rule of the domain lives here.
What they are asked for comes in groups of options (``options``), what they print goes through
``output``.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

#: How many objects are made before Python looks for garbage, and how often it looks at the older.
_GARBAGE = (50_000, 20, 20)


def main() -> None:
    """Run the command; a mistake of the user ends in one sentence, never in a traceback."""
    # What a command reads it keeps: a tenth of its time would go into looking through it.
    gc.set_threshold(*_GARBAGE)
    from dagstead.cli.app import app
    from dagstead.cli.failures import exit_code, report
    from dagstead.errors import DagsteadError

    stdout = sys.stdout
    try:
        try:
            app()
        finally:
            # What is still held back would meet the closed pipe when Python ends.
            stdout.flush()
    except DagsteadError as error:
        report(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        _end_quietly()
    except SystemExit:
        if sys.stdout is not stdout:
            # The command line's library met the closed pipe first, and put something in between.
            _end_quietly()
        raise


def _end_quietly() -> NoReturn:
    """The reader of a pipe has gone, as `head` does: that is not a failure."""
    # Python would complain of what it could not write.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(0)


__all__ = ["main"]
