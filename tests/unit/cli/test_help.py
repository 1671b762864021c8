"""Help, completion and pipes, of every command there is."""

from __future__ import annotations

import re
import shlex

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


@pytest.mark.parametrize("flag", ["--install-completion", "--show-completion"])
def test_completion_is_offered(dagstead: Command, flag: str) -> None:
    assert flag in dagstead("--help").out
