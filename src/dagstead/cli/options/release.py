"""How what is deployed goes live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer

_PANEL = "How it goes live"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFlags:
    """A release, and how long this command stays with it."""

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
            help="End when the release has begun; `dagstead release show` shows the rest.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            help="Seconds to load, then everything goes back; the deployment's own if left out.",
            min=1,
            rich_help_panel=_PANEL,
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackFlags(ReleaseFlags):
    """One that goes back, which is always atomic."""

    no_atomic: bool = field(default=False, init=False)
