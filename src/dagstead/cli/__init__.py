"""The command ``dagstead``: one module a noun, each thin, importing late so that it starts fast.

Commands read settings, call the server or the store, and print. No rule of the domain lives here.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; a mistake of the user ends in one sentence, never in a traceback."""
    from dagstead.cli.app import app
    from dagstead.cli.failures import exit_code, report
    from dagstead.errors import DagsteadError

    try:
        app()
    except DagsteadError as error:
        report(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        # The reader of a pipe has gone, as `head` does. Python would complain at the exit.
        sys.stderr.close()
        sys.exit(0)


__all__ = ["main"]
