"""Which layout a repository is moved to, what is moved, and how a move is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.pairs import pairs
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.layouts.model import MigrationRequest


class LayoutName(StrEnum):
    """The names of the layouts; their own room is imported when it is needed."""

    PER_LOCATION = "per-location"
    ROOT = "root"
    ROOT_WORKFLOWS = "root-workflows"
    DG = "dg"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutFlags:
    """The layout, and whether it is for show."""

    to: Annotated[
        LayoutName | None,
        typer.Option(
            "--to",
            help=(
                "per-location: a dagster_cloud.yaml in the folder of each location. "
                "root: one at the root. root-workflows: the same, with a workflow for each "
                "location. dg: dg's files."
            ),
        ),
    ] = None
    write: Annotated[
        bool, typer.Option("--write", help="Change the files; without it, print a diff.")
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MovedFlags:
    """What is moved, and how it is written there."""

    location: Annotated[
        list[str] | None,
        typer.Option("--location", help="Move this one only; may be repeated.", metavar="NAME"),
    ] = None
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--folder",
            help="The folder of a location, where build.directory does not say it.",
            metavar="NAME=PATH",
        ),
    ] = None
    factor_defaults: Annotated[
        bool | None,
        typer.Option(
            "--factor-defaults/--expand-defaults",
            help="Write what all locations share as defaults, or write all defaults out.",
        ),
    ] = None
    package_as_module: Annotated[
        bool,
        typer.Option(
            "--package-as-module",
            help="For dg: write package_name as module_name, which imports the same.",
        ),
    ] = False
    keep: Annotated[bool, typer.Option("--keep", help="Keep the old definitions, too.")] = False

    def request(self, layout: LayoutName) -> MigrationRequest:
        """What they mean for a layout.

        Raises:
            InvalidInputError: when one is not of its form.
        """
        from dagstead.repository.layouts.model import Layout, MigrationRequest

        return MigrationRequest(
            layout=Layout(layout),
            names=frozenset(self.location or ()),
            folders=dict(pairs("--folder", self.folder, form="NAME=PATH")),
            factor_defaults=self.factor_defaults,
            package_as_module=self.package_as_module,
            keep=self.keep,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RescueFlags:
    """What is done instead of a move."""

    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help=(
                "Bring back locations that a merge of files has lost (two lists of locations "
                "in one file), from the file, from its parts or from git."
            ),
        ),
    ] = False
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last --write, to the byte.")] = (
        False
    )
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a --write that was interrupted.")
    ] = False

    def check(self, to: LayoutName | None) -> None:
        """Refuse more than one thing at a time, and none.

        Raises:
            InvalidInputError: in these cases.
        """
        if sum((to is not None, self.repair, self.undo, self.resume)) != 1:
            msg = "Say one of --to LAYOUT, --repair, --undo and --resume."
            raise InvalidInputError(msg)
