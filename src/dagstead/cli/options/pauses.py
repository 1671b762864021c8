"""Options of what holds something back for a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseFlags:
    """Why, and until when."""

    note: Annotated[str | None, typer.Option("--note", help="Why, for people.")] = None
    until: Annotated[
        str | None, typer.Option("--until", help="When it ends by itself: 30m, 12h, or a time.")
    ] = None
