"""The commands that rules know are those of the official command lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from dagstead.repository import ci
from dagstead.repository.ci.acts import Tool
from dagstead.repository.ci.official_commands import (
    FILE,
    PROGRAMS,
    no_such_command,
    official_commands,
)
from tests.support.environments import (
    AGENT_MINORS,
    agent_environment,
    client_environment,
    own_environment,
)

_PROGRAM = Path(__file__).parents[1] / "support" / "programs" / "command_trees.py"
_NEWEST = AGENT_MINORS[-1]


def _trees(minor: str) -> dict[str, dict[str, Any]]:
    """The commands of the programs of a minor; ``dg`` of the newest only."""
    environment = own_environment() if minor == _NEWEST else agent_environment(minor)
    done = subprocess.run(
        [str(environment.program("python")), str(_PROGRAM)],
        env=environment.variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("minor", AGENT_MINORS)
def test_every_command_and_option_of_a_release_is_known(
    minor: str, request: pytest.FixtureRequest
) -> None:
    trees = _trees(minor)
    if request.config.getoption("--write-records"):
        _write(minor, trees)

    table = json.loads(resources.files(ci).joinpath(FILE).read_text(encoding="utf-8"))

    assert "dagster-cloud" in trees
    for program, commands in trees.items():
        known = table[program]
        of_release = {name for name, each in known.items() if minor in each["releases"].split()}
        assert of_release == set(commands), "run with --write-records"
        for name, command in commands.items():
            assert set(command["options"]) <= set(known[name]["options"].split()), name
            assert known[name].get("group", False) == command.get("group", False)


@pytest.mark.parametrize("tool", PROGRAMS)
def test_no_command_of_a_release_is_called_wrong(tool: Tool) -> None:
    commands = official_commands()[PROGRAMS[tool]]
    for words, command in commands.items():
        for option in ("", *command.options):
            called = [*words.split(), *([option] if option.startswith("--") else [])]
            assert no_such_command(tool, called) is None


def test_the_newest_programs_refuse_what_is_called_wrong() -> None:
    environment = client_environment()
    tried = 0
    for tool, program in PROGRAMS.items():
        for words in (
            "deployment deploy",
            "ci bulid-x",
            "plus deploy finishh",
            "ci init --no-such",
        ):
            if no_such_command(tool, words.split()) is None:
                continue
            done = subprocess.run(
                [str(environment.program(program)), *words.split()],
                env=environment.variables(),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            tried += 1
            assert done.returncode == 2, (words, done.stdout, done.stderr)
    assert tried > 3


def _write(minor: str, trees: Mapping[str, Mapping[str, Any]]) -> None:
    path = Path(str(resources.files(ci).joinpath(FILE)))
    table = json.loads(path.read_text(encoding="utf-8"))
    for program, commands in trees.items():
        for name, command in commands.items():
            known = table[program].setdefault(name, {"releases": "", "options": ""})
            releases = {*known["releases"].split(), minor}
            ordered = sorted(releases, key=lambda each: tuple(map(int, each.split("."))))
            known["releases"] = " ".join(ordered)
            known["options"] = " ".join(sorted({*known["options"].split(), *command["options"]}))
            known.update({key: True for key in ("group", "open") if command.get(key)})
    parts = [
        f'"{program}": {{\n'
        + ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(commands[name])}" for name in sorted(commands)
        )
        + "\n}"
        for program, commands in sorted(table.items())
    ]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
