"""Whether a command that changes much asks first."""

from __future__ import annotations

from typing import Annotated

import typer

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
