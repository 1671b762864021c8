"""The commands that the official command lines have had, and calls of those that they have not.

The data is made from the programs themselves (``tests/compat/test_official_commands.py``).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dagstead.repository.ci.acts import Tool

FILE = "official_commands.json"
PROGRAMS: Mapping[Tool, str] = {Tool.CLI: "dagster-cloud", Tool.DG: "dg"}
#: How much of a word must be right to be a slip of the pen: another command is no suggestion.
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class OfficialCommand:
    """A command or a group of commands."""

    #: The minor releases that have it, oldest first, of those that were looked at.
    releases: tuple[str, ...]
    #: The options that it has in any of them.
    options: frozenset[str]
    #: Whether other commands follow it.
    group: bool
    #: Whether it takes what is not known here.
    open: bool


@dataclass(frozen=True, slots=True)
class NoSuchCommand:
    """A word of a call that no release knows."""

    #: The program and the words up to the wrong one.
    called: str
    #: The option that its command does not have, empty when it is the command itself.
    option: str
    #: What to write instead, as far as that can be guessed; one sentence without a full stop.
    instead: str


@cache
def official_commands() -> Mapping[str, Mapping[str, OfficialCommand]]:
    """The commands of each program, by their words."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return {
        program: {
            words: OfficialCommand(
                releases=tuple(each["releases"].split()),
                options=frozenset(each["options"].split()),
                group=each.get("group", False),
                open=each.get("open", False),
            )
            for words, each in commands.items()
        }
        for program, commands in json.loads(text).items()
    }


def no_such_command(tool: Tool, words: Sequence[str | None]) -> NoSuchCommand | None:
    """What is wrong about the words behind a program; ``None`` where nothing certainly is."""
    program = PROGRAMS.get(tool)
    if program is None:
        return None
    commands = official_commands()[program]
    path = ""
    for index, word in enumerate(words):
        here = commands[path]
        if not here.group or here.open:
            return _no_such_option(program, path, here, words[index:])
        if word is None or word.startswith("-"):
            # What it stands for, or whether a value follows it, is not known.
            return None
        below = f"{path} {word}".strip()
        if below not in commands:
            return _unknown(program, commands, path, word)
        path = below
    return None


def _no_such_option(
    program: str, path: str, command: OfficialCommand, words: Sequence[str | None]
) -> NoSuchCommand | None:
    if command.open:
        return None
    for word in words:
        if word == "--":
            return None
        name = (word or "").partition("=")[0]
        if name.startswith("--") and name not in command.options:
            near = difflib.get_close_matches(name, sorted(command.options), n=1, cutoff=_ALIKE)
            known = ", ".join(sorted(each for each in command.options if each.startswith("--")))
            instead = f"Did you mean {near[0]!r}?" if near else f"Known are {known}"
            return NoSuchCommand(f"{program} {path}", name, instead)
    return None


def _unknown(
    program: str, commands: Mapping[str, OfficialCommand], path: str, word: str
) -> NoSuchCommand | None:
    prefix = f"{path} " if path else ""
    known = [
        each.removeprefix(prefix)
        for each in commands
        if each.startswith(prefix) and each and " " not in each.removeprefix(prefix)
    ]
    near = difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE)
    if program == "dg" and not path and not near:
        # Other programs have this name, too.
        return None
    same = sorted(each for each in commands if each.rpartition(" ")[2] == word)
    if near:
        instead = f"Did you mean '{program} {prefix}{near[0]}'?"
    elif same:
        meant = " or ".join(f"{program} {each}" for each in same)
        instead = f"Perhaps this is meant: {meant}"
    else:
        instead = f"Known are {', '.join(f'{program} {prefix}{each}' for each in sorted(known))}"
    return NoSuchCommand(f"{program} {prefix}{word}", "", instead)
