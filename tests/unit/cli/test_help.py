"""Help, completion and pipes, of every command there is."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from dagstead.cli.app import app
from dagstead.cli.reference import CommandHelp, calls_in, command_page, every_command
from tests.support.environments import REPOSITORY
from tests.unit.cli.conftest import Command

ROOT = typer.main.get_command(app)
COMMANDS = sorted(every_command(ROOT), key=lambda each: each.words)
BY_WORDS = {each.words: each for each in COMMANDS}
EXAMPLE = REPOSITORY / "examples/monorepo"

#: Words of other products and of earlier days, for things that the glossary names.
OTHER_WORDS = re.compile(
    r"\b(artefact|branch environment|default[ -]queue name|hybrid location type|job queue"
    r"|organisation|project location|task queue|worker queue)s?\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.title)
def test_every_command_says_what_it_does_and_shows_examples(
    dagstead: Command, each: CommandHelp
) -> None:
    said = dagstead(*each.words, "--help")

    assert said.code == 0
    assert each.paragraphs[0].endswith(".")
    assert any(line.startswith(each.title) or each.title in line for line, _ in each.examples)
    text = " ".join(said.out.split())
    assert all(" ".join(line.split()) in text for line, _ in each.examples)


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.title)
def test_every_example_is_one_that_the_command_takes(
    each: CommandHelp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_URL", "https://dagstead.example.com")
    calls = [call for line, _ in each.examples for call in calls_in(line)]

    assert calls
    for call in calls:
        words = shlex.split(call)
        found = next(
            (BY_WORDS[tuple(words[:n])] for n in (2, 1) if tuple(words[:n]) in BY_WORDS), None
        )
        assert found is not None, f"{call!r} calls no command"
        # It raises for an option that there is not, and for an argument that is missing.
        found.command.make_context(found.title, words[len(found.words) :])


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.title)
def test_help_in_a_pipe_is_plain_and_whole(dagstead: Command, each: CommandHelp) -> None:
    text = dagstead(*each.words, "--help").out

    assert not re.search("[\x1b\u2500-\u257f]", text)
    assert not OTHER_WORDS.search(text)


def test_the_list_of_commands_is_not_cut_in_a_pipe(dagstead: Command) -> None:
    text = dagstead("--help").out.partition("Commands:")[2]
    assert "..." not in text
    assert all(each.paragraphs[0] in text for each in COMMANDS if len(each.words) == 1)


def test_every_command_has_its_place_in_the_reference() -> None:
    page = REPOSITORY / "docs/reference/commands.md"
    assert page.read_text(encoding="utf-8") == command_page(ROOT), "`make reference` makes it anew"


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


def shells_question(typed: str) -> dict[str, str]:
    """The variables by which bash asks what may follow."""
    return {
        "_DAGSTEAD_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("dagstead ex", "explain"),
        ("dagstead explain we", "weather"),
        ("dagstead routes --location di", "digits"),
        ("dagstead plan --location we", "weather"),
        ("dagstead routes --form", "--format"),
        ("dagstead routes --format mer", "mermaid"),
    ],
)
def test_the_tab_key_completes(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch, typed: str, offered: str
) -> None:
    monkeypatch.chdir(EXAMPLE)
    for name, value in shells_question(typed).items():
        monkeypatch.setenv(name, value)

    said = dagstead()

    assert offered in said.out.split(), said


def test_a_shell_calls_the_program_to_complete() -> None:
    entry = str(Path(sys.executable).parent / "dagstead")
    environment = {**os.environ, **shells_question("dagstead ex")}
    done = subprocess.run([entry], env=environment, capture_output=True, text=True, check=False)

    assert "explain" in done.stdout.split(), done


@pytest.mark.parametrize("flag", ["--install-completion", "--show-completion"])
def test_completion_is_offered(dagstead: Command, flag: str) -> None:
    assert flag in dagstead("--help").out
