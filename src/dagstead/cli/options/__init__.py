"""The options of commands: a frozen dataclass for each group, and every option declared once.

A field of a group is declared like a parameter of a command, with typer's ``Annotated``. Groups
share fields by inheritance. A module has one subject, and turns options into values of the rooms
below, which it imports late.
"""

from __future__ import annotations

from dagstead.cli.options.server import ConfigOption, DatabaseOption, DataOption, load, settings

__all__ = ["ConfigOption", "DataOption", "DatabaseOption", "load", "settings"]
