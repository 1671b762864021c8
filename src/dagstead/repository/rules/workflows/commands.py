"""DW146: calls of official command lines that fail before they do anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.source import Position
from dagstead.repository.ci.acts import Tool
from dagstead.repository.ci.commands import program_of
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.official_commands import (
    PROGRAMS,
    NoSuchCommand,
    no_such_command,
    official_commands,
)
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.references import reference
from dagstead.repository.ci.scripts import program_words, scripts_of
from dagstead.repository.ci.shell import calls_of
from dagstead.repository.ci.steps import CLI_PARTS
from dagstead.repository.rules.base import Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.visit import once

_INSTALLED = re.compile(r"dagster-(?:cloud(?:-cli)?|dg-cli)(?:\[[^]]*\])?\s*==\s*(\d+)\.(\d+)")


@workflow_rule(
    "DW146",
    "unknown-command",
    reason="""
        The command line stops at a command or an option that it does not have, and does nothing.
        What counts are all releases from 1.5 to 1.13.
        """,
    bad={
        **locations(ETL),
        WORKFLOW: workflow(*SERVERLESS, "run: dagster-cloud deployment deploy --deployment prod"),
    },
    good={
        **locations(ETL),
        WORKFLOW: workflow(*SERVERLESS, "run: dagster-cloud deployment list-locations"),
    },
)
def unknown_command(inspection: Inspection) -> Iterator[Violation]:
    """The commands that are called exist."""
    return once(
        Violation(position=position, message=_message(tool, found), instead=found.instead)
        for tool, found, position in unknown_calls(inspection)
    )


def unknown_calls(inspection: Inspection) -> Iterator[tuple[Tool, NoSuchCommand, Position]]:
    """Calls of commands and options that no release has."""
    for script in scripts_of(inspection.project, inspection.files):
        if _is_newer(script.text):
            continue
        for call, position in script.calls():
            found = program_of(program_words(call))
            fault = None if found is None else no_such_command(*found)
            if found is not None and fault is not None:
                yield found[0], fault, position
    yield from _in_actions(inspection)


def _in_actions(inspection: Inspection) -> Iterator[tuple[Tool, NoSuchCommand, Position]]:
    """The same of the commands that are given to the official action."""
    steps = [step for each in inspection.files.workflows for job in each.jobs for step in job.steps]
    steps += [step for each in inspection.files.actions.values() for step in each.steps]
    for step in steps:
        named = None if step.uses is None else reference(step.uses.text or "")
        tool = None if named is None else CLI_PARTS.get(named.part)
        node = step.input("command")
        if named is None or tool is None or node is None or _comes_later(named.version):
            continue
        for call in calls_of(node.text or "", {}, lambda _: None):
            fault = no_such_command(tool, call.words)
            if fault is not None:
                yield tool, fault, place(node, call.start, call.end)


def _message(tool: Tool, found: NoSuchCommand) -> str:
    known = official_commands()[PROGRAMS[tool]][""].releases
    span = f"{known[0]} to {known[-1]}"
    if found.option:
        return f"'{found.called}' has no option {found.option}, in no release from {span}"
    return f"'{found.called}' does not exist, in no release from {span}"


def _is_newer(script: str) -> bool:
    """Whether a script installs a release that is newer than what is known here."""
    installed = [tuple(map(int, each)) for each in _INSTALLED.findall(script)]
    return any(map(_comes_later, installed))


def _comes_later(version: tuple[int, ...] | None) -> bool:
    newest = official_commands()[PROGRAMS[Tool.CLI]][""].releases[-1]
    return version is not None and version[:2] > tuple(map(int, newest.split(".")))
