"""Runs commands of the official command lines, every one up to the first host that it looks for.

It reads a JSON list of lists of words from standard input, and prints a JSON list with the host of
each command; ``null`` is one that looks for none. What commands print goes to standard error.
"""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any


class HostSoughtError(BaseException):
    """A command looks for a host, or waits for a browser; nothing that it catches is this."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        raise HostSoughtError(arguments[0])
    if event == "socket.bind":
        raise HostSoughtError(None)


def _first_host(program: Any, words: list[str]) -> str | None:
    said = StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            program.main(words, standalone_mode=False)
    except HostSoughtError as sought:
        host: str | None = sought.args[0]
        return host
    except (Exception, SystemExit) as error:  # noqa: BLE001 - how it ends is printed, and judged there
        said.write(f"{type(error).__name__}: {error}")
    sys.stderr.write(f"# {shlex.join(words)}\n{said.getvalue()}\n")
    return None


def main() -> None:
    """Run all of them."""
    with warnings.catch_warnings():
        # Typer warns the authors of the command line, not us.
        warnings.simplefilter("ignore")
        import typer  # noqa: PLC0415 - as above
        from dagster_cloud_cli.entrypoint import app  # noqa: PLC0415 - as above
        from dagster_dg_cli.cli import cli as dg  # noqa: PLC0415 - as above

        programs: dict[str, Any] = {"dagster-cloud": typer.main.get_command(app), "dg": dg}
    commands: list[list[str]] = json.load(sys.stdin)
    sys.addaudithook(_watch)
    hosts = [_first_host(programs[program], words) for program, *words in commands]
    # Children of commands write to the same standard output.
    sys.stdout.write(f"\n{json.dumps(hosts)}\n")


if __name__ == "__main__":
    main()
