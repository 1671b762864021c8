"""What a shell, a pipe and a terminal get of the command."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import REPOSITORY

EXAMPLE = REPOSITORY / "examples/monorepo"

#: By which bash asks what may follow.
QUESTION = {
    "_DAGSTEAD_COMPLETE": "complete_bash",
    "COMP_WORDS": "dagstead ex",
    "COMP_CWORD": "1",
}


def run(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-m", "dagstead", *arguments],
        cwd=EXAMPLE,
        check=False,
        text=True,
        **options,
    )
    return ended


@pytest.mark.parametrize(
    "arguments",
    ["--help", "check --explain DS", "routes --format json", "explain weather", "plan"],
)
def test_a_reader_that_goes_away_is_no_failure(arguments: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(arguments.split(), stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")


def on_a_terminal(arguments: Sequence[str], **variables: str) -> str:
    """What a command prints on a terminal, results and remarks together."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    done = run(arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:
        # So Linux reports the end of a terminal.
        pass
    finally:
        os.close(ours)
    assert done.returncode in {0, 1}
    return b"".join(parts).decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m")


@pytest.mark.parametrize("arguments", ["routes --location digits --deployment prod", "token -h"])
def test_no_colour_is_no_colour(arguments: str) -> None:
    coloured = on_a_terminal(arguments.split(), NO_COLOR="")
    plain = on_a_terminal(arguments.split(), NO_COLOR="1")

    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)


def test_a_shell_calls_the_program_to_complete() -> None:
    entry = str(Path(sys.executable).parent / "dagstead")
    environment = {**os.environ, **QUESTION}
    done = subprocess.run([entry], env=environment, capture_output=True, text=True, check=False)

    assert "explain" in done.stdout.split(), done
