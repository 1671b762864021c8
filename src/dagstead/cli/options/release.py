"""Options for how a release goes live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer

from dagstead.cli.options.confirmation import YesOption

_PANEL = "How it goes live"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFlags:
    """How a release goes live, and whether the command waits for it."""

    no_atomic: Annotated[
        bool,
        typer.Option(
            "--no-atomic",
            help="Let every location that loads go live, even if others fail.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    detach: Annotated[
        bool,
        typer.Option(
            "--detach/--wait",
            help="Return when the release has begun, or wait until it has ended (the default). "
            "`dagstead release show` shows its progress.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            help="Seconds that locations have to load before all of them go back; by default the "
            "deployment's setting.",
            min=1,
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackFlags(ReleaseFlags):
    """A rollback, which is always atomic."""

    no_atomic: bool = field(default=False, init=False)
    whole_deployment: Annotated[
        bool,
        typer.Option(
            "--whole-deployment",
            help="Go back to what was live in the whole deployment right after a release.",
        ),
    ] = False
    yes: YesOption = False
