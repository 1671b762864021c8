"""The options that commands share: a frozen dataclass for each group, each option declared once.

A field of a group is declared as a parameter of a command is, with typer's ``Annotated``. Groups
share fields by inheritance. A module is a subject, and turns what was typed into values of the
rooms below, which it imports late.
"""

from __future__ import annotations

from dagstead.cli.options.server import ConfigOption, DatabaseOption, DataOption, load, settings

__all__ = ["ConfigOption", "DataOption", "DatabaseOption", "load", "settings"]
