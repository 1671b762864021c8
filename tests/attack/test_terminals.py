"""Names and messages of others do nothing to a terminal, however they got there."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dagstead.cli.failures import report
from dagstead.cli.output import Format, print_rows, say
from dagstead.client.connection import Connection, ServerAddress
from dagstead.control.actor import COMMAND_LINE, Actor
from dagstead.control.agents import AgentReport
from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.plane.deployments import Branch
from dagstead.plane.names import check_location_name, check_queue_name
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import NewRelease
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.releases import new_location
from tests.unit.server.conftest import Plane

HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x1b]52;c;AAAA\x07",
    "\x9b2J",
    "a\u202eb",
    "a\u2066b",
    "a\nb",
    "a\rb",
    "\x00",
)

REPORT = AgentReport(
    agent_id="a9",
    deployment="prod",
    label="eu",
    type="DockerUserCodeLauncher",
    version="1.13.27",
    queues=frozenset({None, "gpu"}),
    branch_deployments=False,
    metadata={},
    run_worker_statuses=None,
    errors=(),
)


class Terminal(io.StringIO):
    """It says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["agent_id", "label", "type", "version", "queues"])
def test_an_agent_has_no_such_name(plane: Plane, name: str, text: str) -> None:
    agent = Actor.holding(plane.token(TokenKind.AGENT)[0])
    value: Any = frozenset({text}) if name == "queues" else text
    with pytest.raises(InvalidInputError, match=r"has the control character U\+"):
        plane.control.agents.record(agent, [REPORT, replace(REPORT, **{name: value})])
    assert plane.store.agents.all(ORGANIZATION) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_else_that_people_name_has(plane: Plane, text: str) -> None:
    control = plane.control
    with pytest.raises(InvalidInputError):
        control.tokens.issue(COMMAND_LINE, f"a{text}", TokenKind.USER, Grant(), "dagstead")
    for branch in (
        Branch(repo_name=text, branch_name="f"),
        Branch(repo_name="r", branch_name=text),
    ):
        with pytest.raises(InvalidInputError):
            control.deployments.open_branch(COMMAND_LINE, branch, None)
    for check in (check_location_name, check_queue_name):
        with pytest.raises(InvalidInputError):
            check(f"a{text}b")
    with pytest.raises(InvalidInputError):
        control.deployments.create(COMMAND_LINE, f"a{text}")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_commit_says_is_stored_without(plane: Plane, text: str) -> None:
    control = plane.control
    branch = Branch(
        repo_name="org/repo",
        branch_name="f",
        commit_message=f"fix\n\n{text} it",
        author_name=f"{text}ada",
        author_email=f"ada{text}",
    )
    control.deployments.open_branch(COMMAND_LINE, branch, None)
    plane.store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    prod = control.deployments.named(COMMAND_LINE, "prod")
    new = NewRelease(locations=[new_location("weather", "1")], commit_hash=f"c0ffee{text}")
    release = control.releases.begin(COMMAND_LINE, prod, new)
    ended = control.releases.end(COMMAND_LINE, prod, release.number, f"{text}because")

    stored = next(each.branch for each in plane.store.deployments.all() if each.branch is not None)
    said = [stored.commit_message, stored.author_name, stored.author_email]
    said += [ended.commit_hash, ended.reason]
    for each in said:
        assert each
        assert not set(each) & set("\x1b\x07\x9b\u202e\u2066\r\x00"), each
    assert stored.commit_message
    assert stored.commit_message.startswith("fix\n\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_old_names_are_printed_without(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"agent": f"x{text}y", "queues": [f"{text}gpu"]}]
    print_rows(rows, Format.TABLE, empty="")
    say(f"Forgot agent x{text}y.")
    said = capsys.readouterr().out
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    print_rows(rows, Format.TABLE, empty="")
    say(f"Forgot agent x{text}y.")
    monkeypatch.undo()
    for shown in (said, terminal.getvalue()):
        assert not set(shown) & set("\x07\x9b\u202e\u2066\r\x00")
        assert "\x1b[2J" not in shown
        assert "\x1b]" not in shown
    assert said.count("\n") == 3 + (text == "a\nb")


@pytest.mark.parametrize("text", HOSTILE)
def test_the_message_of_an_error_is_printed_without(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(ForbiddenError(f"Token {text} may not."))
    assert not set(capsys.readouterr().err) & set("\x1b\x07\x9b\u202e\u2066\r\x00")


def test_what_a_server_answers_is_cleaned_before_anybody_prints_it() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {"x": [{"name": "".join(HOSTILE)}]}})

    address = ServerAddress(url="http://127.0.0.1:1", token="user:dagstead:x")
    with Connection(address, transport=httpx.MockTransport(answer)) as connection:
        found = connection.graphql("{ x { name } }")
    assert not set(found["x"][0]["name"]) & set("\x1b\x07\x9b\u202e\u2066\r\x00")


def test_commands_print_in_one_way_only() -> None:
    """Lint refuses the others in `cli`; and it is lint that is checked here."""
    rules = Path("pyproject.toml").read_text(encoding="utf-8")
    assert '"typer.echo".msg' in rules
    assert '"src/dagstead/cli/output.py" = ["T201"]' in rules
    assert '"src/dagstead/cli/**" = ["PLC0415"]' in rules
