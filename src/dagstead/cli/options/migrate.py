"""Options of ``migrate``: the new layout, the locations to move, and how to undo a move."""

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
    """The names of the layouts; the room that knows them is imported only when needed."""

    PER_LOCATION = "per-location"
    ROOT = "root"
    ROOT_WORKFLOWS = "root-workflows"
    DG = "dg"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutFlags:
    """The new layout, and whether to write it."""

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
    """Which locations to move, and how to write them."""

    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location", help="Move only this location; may be repeated.", metavar="NAME"
        ),
    ] = None
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--folder",
            help="Folder of a location, if build.directory does not name it; may be repeated.",
            metavar="NAME=PATH",
        ),
    ] = None
    factor_defaults: Annotated[
        bool | None,
        typer.Option(
            "--factor-defaults/--expand-defaults",
            help="Turn settings that all locations share into defaults, or write all defaults out "
            "in every location.",
        ),
    ] = None
    package_as_module: Annotated[
        bool,
        typer.Option(
            "--package-as-module",
            help="For dg: write package_name as module_name, which imports the same code.",
        ),
    ] = False
    keep: Annotated[bool, typer.Option("--keep", help="Keep the old definitions, too.")] = False
    remove_dg: Annotated[
        bool,
        typer.Option(
            "--remove-dg",
            help="Remove dg's tables of what leaves dg's layout; without it they stay for dg dev.",
        ),
    ] = False
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="For root-workflows: remove the workflows that deploy the same locations.",
        ),
    ] = False

    def request(self, layout: LayoutName) -> MigrationRequest:
        """The migration that they ask for.

        Raises:
            InvalidInputError: when ``--folder`` does not have its form.
        """
        from dagstead.repository.layouts.model import Layout, MigrationRequest

        return MigrationRequest(
            layout=Layout(layout),
            names=frozenset(self.location or ()),
            folders=dict(pairs("--folder", self.folder, form="NAME=PATH")),
            factor_defaults=self.factor_defaults,
            package_as_module=self.package_as_module,
            keep=self.keep,
            remove_dg=self.remove_dg,
        )

    def check(self, to: LayoutName | None) -> None:
        """Refuse what does not go together.

        Raises:
            InvalidInputError: with both flags of dg's tables, or with one of workflows alone.
        """
        if self.keep and self.remove_dg:
            msg = "--keep keeps dg's tables, and --remove-dg removes them. Leave one out."
            raise InvalidInputError(msg)
        if self.replace and to is not LayoutName.ROOT_WORKFLOWS:
            msg = "--replace removes workflows: use it with --to root-workflows."
            raise InvalidInputError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class RescueFlags:
    """What to do instead of moving locations."""

    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help=(
                "Restore locations that were lost when files were joined (two lists of locations "
                "in one file), from the file itself, from its parts or from git."
            ),
        ),
    ] = False
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last --write, byte for byte.")] = (
        False
    )
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a --write that was interrupted.")
    ] = False

    def check(self, to: LayoutName | None) -> None:
        """Refuse anything but exactly one thing to do.

        Raises:
            InvalidInputError: when none or several are given.
        """
        if sum((to is not None, self.repair, self.undo, self.resume)) != 1:
            msg = "Use exactly one of --to LAYOUT, --repair, --undo and --resume."
            raise InvalidInputError(msg)
