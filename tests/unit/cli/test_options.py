"""Options of commands: groups, and where options are declared."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

import dagstead.cli
from dagstead.cli.app import app
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.pairs import pairs
from dagstead.cli.output import say
from dagstead.cli.reference import CommandHelp, every_command
from dagstead.errors import InvalidInputError

COMMANDS = list(every_command(typer.main.get_command(app)))

#: A screen, from the first decorator to the last line.
LINES = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Oven:
    program: Annotated[str, typer.Argument(help="What it does.")] = "bake"
    degrees: Annotated[int, typer.Option("--degrees", help="How hot.", min=30)]
    racks: Annotated[list[str] | None, typer.Option("--rack")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnOven(Oven):
    degrees: int = field(default=180, init=False)
    grill: Annotated[bool, typer.Option("--grill/--no-grill")] = False


@grouped
def bake(name: str, *, oven: Oven, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Bake something."""
    say(f"{name} {oven} {loud}")


@grouped
def bake_at_home(*, oven: OwnOven) -> None:
    """Bake something, at the one heat that there is."""
    say(oven)


def said(command: Callable[..., None], *arguments: str) -> str:
    single = typer.Typer(rich_markup_mode=None)
    single.command()(command)
    result = CliRunner().invoke(single, arguments)
    return " ".join(result.output.split())


def test_a_group_is_filled_from_options_and_arguments() -> None:
    line = said(bake, "bread", "--degrees", "200", "steam", "--rack", "low", "--rack", "high")

    oven = Oven(program="steam", degrees=200, racks=["low", "high"])
    assert line == f"bread {oven} False"


def test_fields_stand_in_the_help_where_their_group_stands() -> None:
    text = said(bake, "--help")

    assert "Bake something." in text
    assert "How hot." in text
    assert "OVEN" not in text
    places = [text.index(word) for word in ("{name}", "[program]", "--degrees", "--rack", "--loud")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("bread",), "Missing option '--degrees'"),
        (("bread", "--degrees", "20"), "should be greater than or equal to 30"),
        (("bread", "--degrees", "warm"), "should be a valid integer"),
    ],
)
def test_a_field_is_checked_as_any_option_is(arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in said(bake, *arguments)


def test_what_a_group_sets_itself_is_no_option() -> None:
    assert said(bake_at_home, "--grill") == str(OwnOven(grill=True))
    assert "No such option: --degrees" in said(bake_at_home, "--degrees", "200")


def test_two_options_of_one_name_are_refused() -> None:
    def twice(*, oven: Oven, degrees: int) -> None:
        """Never called."""

    with pytest.raises(ValueError, match="duplicate parameter name: 'degrees'"):
        grouped(twice)


def test_pairs_keep_their_order_and_what_follows_the_first_sign() -> None:
    assert pairs("--x", ["b=1=2", "a=3"], form="N=V") == [("b", "1=2"), ("a", "3")]
    assert pairs("--x", ["a="], form="N=V", may_be_empty=True) == [("a", "")]
    assert pairs("--x", None, form="N=V") == []


@pytest.mark.parametrize("text", ["a", "=1", "a=", "=", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not of the form N=V."):
        pairs("--x", [text], form="N=V")


@pytest.mark.parametrize("flags", ["--folder =etl --to root", "--folder etl= --to root"])
def test_a_pair_without_a_name_is_no_pair(flags: str, dagstead: Callable[..., object]) -> None:
    assert "is not of the form NAME=PATH" in str(dagstead("migrate", *flags.split()))


def length(command: CommandHelp) -> int:
    function = inspect.unwrap(command.command.callback)
    (node,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(node, ast.FunctionDef)
    assert node.end_lineno is not None
    return node.end_lineno


def test_a_command_fits_a_screen() -> None:
    assert len(COMMANDS) > 20
    assert [each.title for each in COMMANDS if length(each) > LINES] == []


def test_an_option_is_declared_once() -> None:
    """Where two commands mean the same by it; a second declaration would come to differ."""
    folder = Path(dagstead.cli.__file__).parent
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    declared = Counter(
        ast.dump(node)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Option"
    )

    assert len(declared) > 80
    assert [text for text, number in declared.items() if number > 1] == []
